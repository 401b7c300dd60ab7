import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { PageDto } from '../lists/page.dto.js';
import type { Session } from './session.entity.js';

@ApiSchema({ description: 'A signed-in client.' })
export class SessionDto {
  /**
   * Id of the session.
   * @example 1
   */
  id: number;

  /** Time of the sign-in. */
  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  /** Time of the last refresh. */
  @ApiProperty({ format: 'date-time' })
  lastUsedAt: string;

  /** Absolute expiry. */
  @ApiProperty({ format: 'date-time' })
  expiresAt: string;

  /**
   * IP address that started the session.
   * @example '203.0.113.7'
   */
  ipAddress: string;

  /**
   * User agent that started the session.
   * @example 'Mozilla/5.0'
   */
  userAgent: string | null;

  /**
   * Whether this is the session of the request.
   * @example true
   */
  current: boolean;

  static from(session: Session, current: number): SessionDto {
    return {
      id: session.id,
      createdAt: session.createdAt.toISOString(),
      lastUsedAt: session.rotatedAt.toISOString(),
      expiresAt: session.expiresAt.toISOString(),
      ipAddress: session.ipAddress,
      userAgent: session.userAgent,
      current: session.id === current,
    };
  }
}

@ApiSchema({ description: 'A page of sessions.' })
export class SessionPageDto {
  /** The sessions of this page. */
  data: SessionDto[];
  /** Where the list goes on. */
  page: PageDto;
}
