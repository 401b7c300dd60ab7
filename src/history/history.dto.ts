import { ApiProperty } from '@nestjs/swagger';
import { PageDto } from '../lists/page.dto.js';
import type { Changes, History } from './history.entity.js';

/** A change of a record. */
export class HistoryEntryDto {
  /**
   * Version that the change created.
   * @example 8
   */
  version: number;

  /**
   * Action of the change.
   * @example 'updated'
   */
  action: string;

  /**
   * Id of the user who made the change; null for the service itself.
   * @example 1
   */
  by: number | null;

  /** Time of the change. */
  at: string;

  /** X-Request-Id of the request that made the change. */
  requestId: string | null;

  /**
   * For each changed field, the value before and the value after.
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
