import { ApiProperty } from '@nestjs/swagger';
import { NewPassword, RawString } from '../validation/fields.js';

export class LoginDto {
  /** Whatever its case. */
  @RawString(254)
  @ApiProperty({ example: 'carla@example.com' })
  email: string;

  @RawString(128)
  @ApiProperty({ format: 'password', example: 'correct horse battery' })
  password: string;
}

export class RefreshDto {
  /** The one of the answer before; it works once. */
  @RawString(1024)
  refreshToken: string;
}

export class RedeemPasswordTokenDto {
  /** Of an invitation or a password reset. */
  @RawString(1024)
  token: string;

  @NewPassword()
  newPassword: string;
}

export class TokensDto {
  /** For `Authorization: Bearer`. */
  accessToken: string;

  @ApiProperty({ enum: ['Bearer'] })
  tokenType: 'Bearer';

  /**
   * Seconds.
   * @example 600
   */
  expiresIn: number;

  /** For POST /login/refresh, once. Keep it as you would a password. */
  refreshToken: string;

  /**
   * Seconds until the session ends unless it is refreshed.
   * @example 1209600
   */
  refreshExpiresIn: number;
}
