import { ApiProperty } from '@nestjs/swagger';
import { PageDto } from '../lists/page.dto.js';
import type { Session } from './session.entity.js';

/** A signed-in client. */
export class SessionDto {
  /** @example 12 */
  id: number;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  /** When it was refreshed last. */
  @ApiProperty({ format: 'date-time' })
  lastUsedAt: string;

  /** When it ends, however busy it is. */
  @ApiProperty({ format: 'date-time' })
  expiresAt: string;

  /** Where it was started from. */
  ipAddress: string;

  /** The client that it was started with, as it called itself. */
  userAgent: string | null;

  /** Whether it is the one that asks. */
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
