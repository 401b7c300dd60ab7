import { ApiProperty } from '@nestjs/swagger';
import { CurrentPassword, NewPassword, RawString } from '../validation/fields.js';

export class LoginDto {
  /** Case-insensitive. */
  @RawString(254)
  @ApiProperty({ example: 'carla@example.com' })
  email: string;

  @CurrentPassword()
  password: string;
}

export class RefreshDto {
  /** Refresh token of the last response. Single use. */
  @RawString(1024)
  refreshToken: string;
}

export class RedeemPasswordTokenDto {
  /** Token of an invitation or a password reset. */
  @RawString(1024)
  token: string;

  @NewPassword()
  newPassword: string;
}

export class TokensDto {
  /** Send it as `Authorization: Bearer`. */
  accessToken: string;

  @ApiProperty({ enum: ['Bearer'] })
  tokenType: 'Bearer';

  /**
   * Seconds until the access token expires.
   * @example 600
   */
  expiresIn: number;

  /** For POST /login/refresh. Single use. Store it like a password. */
  refreshToken: string;

  /**
   * Seconds until the session ends if it is not refreshed.
   * @example 1209600
   */
  refreshExpiresIn: number;
}
