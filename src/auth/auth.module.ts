import { Module } from '@nestjs/common';
import { PassportModule } from '@nestjs/passport';
import { TypeOrmModule } from '@nestjs/typeorm';
import { RateLimit } from '../limits/rate-limit.entity.js';
import { RateLimits } from '../limits/rate-limits.js';
import { ListsModule } from '../lists/lists.module.js';
import { UsersModule } from '../users/users.module.js';
import { AccessTokens } from './access-tokens.js';
import { AccountController } from './account.controller.js';
import { AuthService } from './auth.service.js';
import { LoginController } from './login.controller.js';
import { Facebook } from './oauth/facebook.js';
import { Google } from './oauth/google.js';
import { IdentitiesController } from './oauth/identities.controller.js';
import { LoginStates } from './oauth/login-state.js';
import { OAuthController } from './oauth/oauth.controller.js';
import { OAuthService } from './oauth/oauth.service.js';
import { OneTimeTokens } from './oauth/one-time-tokens.js';
import { ProviderLimits } from './oauth/provider-limits.js';
import { UsedToken } from './oauth/used-token.entity.js';
import { RefreshTokens } from './refresh-tokens.js';
import { Session } from './session.entity.js';
import { SessionsService } from './sessions.service.js';
import { SignInLimits } from './sign-in-limits.js';

@Module({
  imports: [TypeOrmModule.forFeature([Session, RateLimit, UsedToken]), PassportModule, ListsModule, UsersModule],
  controllers: [LoginController, OAuthController, AccountController, IdentitiesController],
  providers: [
    AuthService,
    SessionsService,
    AccessTokens,
    RefreshTokens,
    RateLimits,
    SignInLimits,
    Google,
    Facebook,
    LoginStates,
    ProviderLimits,
    OneTimeTokens,
    OAuthService,
  ],
  exports: [AuthService],
})
export class AuthModule {}
