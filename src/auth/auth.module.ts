import { Module } from '@nestjs/common';
import { JwtModule } from '@nestjs/jwt';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ListsModule } from '../lists/lists.module.js';
import { UsersModule } from '../users/users.module.js';
import { AccessTokens } from './access-tokens.js';
import { AccountController } from './account.controller.js';
import { AuthService } from './auth.service.js';
import { LoginController } from './login.controller.js';
import { RefreshTokens } from './refresh-tokens.js';
import { Session } from './session.entity.js';
import { SessionsService } from './sessions.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([Session]), JwtModule.register({}), ListsModule, UsersModule],
  controllers: [LoginController, AccountController],
  providers: [AuthService, SessionsService, AccessTokens, RefreshTokens],
  exports: [AuthService],
})
export class AuthModule {}
