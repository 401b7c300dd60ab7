import { ApiProperty } from '@nestjs/swagger';
import type { Action } from './actions.js';
import type { Changes, History } from './history.entity.js';

/** A change of a record; the resources add the types of their actions and fields. */
export abstract class HistoryEntryDto {
  /**
   * Version that the change created.
   * @example 2
   */
  version: number;

  /** What the change was. */
  action: Action;

  /**
   * Id of the user who made the change; null for the service itself.
   * @example 1
   */
  by: number | null;

  /** Time of the change. */
  @ApiProperty({ format: 'date-time', example: '2026-11-01T09:30:00.000Z' })
  at: string;

  /**
   * X-Request-Id of the request that made the change.
   * @example '0c8f5a0e-9a3b-4f3c-8a54-3c1d9f0f2a11'
   */
  requestId: string | null;

  /** For each changed field, the value before and the value after. */
  changes: object;
}

/** An entry whose changes are those that are stored. */
export interface HistoryEntry extends HistoryEntryDto {
  changes: Changes;
}

export const toHistoryEntry = ({ version, action, by, at, requestId, changes }: History): HistoryEntry => ({
  version,
  action,
  by,
  at: at.toISOString(),
  requestId,
  changes,
});

/** Documents a field of `changes`: the value before and the value after, null for none. */
export const BeforeAndAfter = (description: string, value: object = { type: ['string', 'null'] }): PropertyDecorator =>
  ApiProperty({ description, type: 'array', items: value, minItems: 2, maxItems: 2, required: false });

export type Pair<T> = [before: T | null, after: T | null];
