import { ApiProperty } from '@nestjs/swagger';
import { PageDto } from '../lists/page.dto.js';
import type { Changes, History } from './history.entity.js';

/** One change. */
export class HistoryEntryDto {
  /**
   * The version that the change made.
   * @example 8
   */
  version: number;

  /**
   * What was done.
   * @example 'updated'
   */
  action: string;

  /**
   * The id of the user who did it; null for the service itself.
   * @example 1
   */
  by: number | null;

  /** When. */
  at: string;

  /** The X-Request-Id of the request that did it. */
  requestId: string | null;

  /**
   * Field by field, what it was before and what it is since.
   * @example { "surname": ["Garcia", "García"] }
   */
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'array', items: {}, minItems: 2, maxItems: 2 },
  })
  changes: Changes;

  static from({ version, action, by, at, requestId, changes }: History): HistoryEntryDto {
    return { version, action, by, at: at.toISOString(), requestId, changes };
  }
}

export class HistoryPageDto {
  data: HistoryEntryDto[];
  page: PageDto;
}
