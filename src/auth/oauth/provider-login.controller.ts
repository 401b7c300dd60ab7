import { Body, Controller, HttpCode, Post } from '@nestjs/common';
import { ApiTags } from '@nestjs/swagger';
import { type Client, ClientInfo } from '../../http/request-context.js';
import { Access, ApiProblems } from '../../http/route-decorators.js';
import { TokensDto } from '../login.dto.js';
import { ExchangeCodeDto } from './oauth.dto.js';
import { OAuthService } from './oauth.service.js';
import { ProviderLogin } from './provider-login.js';

@ApiTags('Login')
@Controller('login/google')
export class GoogleLoginController extends ProviderLogin {}

@ApiTags('Login')
@Controller('login/facebook')
export class FacebookLoginController extends ProviderLogin {}

@ApiTags('Login')
@Controller('login/exchange')
export class ExchangeController {
  constructor(private readonly login: OAuthService) {}

  /** Get tokens for the one-time code that the browser came back to your frontend with */
  @Post()
  @HttpCode(200)
  @Access('public')
  @ApiProblems('invalid_login_code')
  exchange(@Body() code: ExchangeCodeDto, @ClientInfo() client: Client): Promise<TokensDto> {
    return this.login.exchange(code, client);
  }
}
