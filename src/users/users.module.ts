import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { HistoryModule } from '../history/history.module.js';
import { ListsModule } from '../lists/lists.module.js';
import { SearchModule } from '../search/search.module.js';
import { WritesModule } from '../writes/writes.module.js';
import { CredentialsService } from './credentials.service.js';
import { IdentitiesService } from './identities.service.js';
import { Identity } from './identity.entity.js';
import { PasswordHasher } from './password-hasher.js';
import { ProfileController } from './profile.controller.js';
import { User } from './user.entity.js';
import { UsersController } from './users.controller.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [TypeOrmModule.forFeature([User, Identity]), WritesModule, HistoryModule, ListsModule, SearchModule],
  controllers: [UsersController, ProfileController],
  providers: [UsersService, CredentialsService, IdentitiesService, PasswordHasher],
  exports: [UsersService, CredentialsService, IdentitiesService],
})
export class UsersModule {}
