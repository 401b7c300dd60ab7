import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { CurrentPassword, NewPassword, RawString } from '../validation/fields.js';

@ApiSchema({ description: 'E-mail and password of a user.' })
export class LoginDto {
  /** Case-insensitive. */
  @RawString(254)
  @ApiProperty({ example: 'carla@example.com' })
  email: string;

  /** Password of the user, as typed. */
  @CurrentPassword()
  password: string;
}

@ApiSchema({ description: 'A refresh token.' })
export class RefreshDto {
  /**
   * Refresh token of the last response. Single use.
   * @example 'AAAAAQAAAAFzaWduYXR1cmU'
   */
  @RawString(1024)
  refreshToken: string;
}

@ApiSchema({ description: 'A single-use token and the new password.' })
export class RedeemPasswordTokenDto {
  /**
   * Token of an invitation or a password reset.
   * @example 'kQ3n2jS8cQd1pV0r0F2l6v9eY7x5Tg1mB4hZ8uWqLsA'
   */
  @RawString(1024)
  token: string;

  /** The new password. Not a common one, a sequence, a repetition, or the e-mail (NIST SP 800-63B). */
  @NewPassword()
  newPassword: string;
}

@ApiSchema({ description: 'The tokens of a session.' })
export class TokensDto {
  /**
   * Send it as `Authorization: Bearer`.
   * @example 'eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.e30.c2lnbmF0dXJl'
   */
  accessToken: string;

  /** How to send the access token. */
  @ApiProperty({ enum: ['Bearer'] })
  tokenType: 'Bearer';

  /**
   * Seconds until the access token expires.
   * @example 600
   */
  expiresIn: number;

  /**
   * For POST /login/refresh. Single use. Store it like a password.
   * @example 'AAAAAQAAAAFzaWduYXR1cmU'
   */
  refreshToken: string;

  /**
   * Seconds until the session ends if it is not refreshed.
   * @example 1209600
   */
  refreshExpiresIn: number;
}
