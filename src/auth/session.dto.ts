import { ApiProperty } from '@nestjs/swagger';
import { PageDto } from '../lists/page.dto.js';
import type { Session } from './session.entity.js';

/** A signed-in client. */
export class SessionDto {
  /** @example 12 */
  id: number;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  /** Time of the last refresh. */
  @ApiProperty({ format: 'date-time' })
  lastUsedAt: string;

  /** Absolute expiry. */
  @ApiProperty({ format: 'date-time' })
  expiresAt: string;

  /** IP address that started the session. */
  ipAddress: string;

  /** User agent that started the session. */
  userAgent: string | null;

  /** The session making this request. */
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

export class SessionPageDto {
  data: SessionDto[];
  page: PageDto;
}
