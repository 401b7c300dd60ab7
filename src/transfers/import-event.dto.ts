import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { InvalidMemberDto } from '../problems/problem.dto.js';

@ApiSchema({ description: 'Why a row was refused, or the import ended.' })
export class ImportProblemDto {
  /** Stable code of the problem, as in problem documents. */
  @ApiProperty({ enum: Object.keys(PROBLEMS), enumName: 'ProblemCode', example: 'invalid_request' })
  code: ProblemCode;

  /**
   * What is wrong, for people; may change.
   * @example '/email: Must be an e-mail address.'
   */
  detail: string;

  /** Only with `invalid_request`: every invalid member. */
  errors?: InvalidMemberDto[];
}

@ApiSchema({ description: 'The first event for a CSV file: what its columns are used for.' })
export class ColumnsEventDto {
  /** Kind of the event. */
  @ApiProperty({ enum: ['columns'] })
  event: 'columns';

  /** The header of every column that is read, with what it fills. */
  @ApiProperty({
    type: 'object',
    additionalProperties: { type: 'string' },
    example: { 'E-mail Address': 'email', 'Mobile Phone': 'phone' },
  })
  used: Record<string, string>;

  /**
   * Headers of the other columns.
   * @example ['Birthday']
   */
  ignored: string[];
}

@ApiSchema({ description: 'At least every two seconds. What it counts is committed.' })
export class ProgressEventDto {
  /** Kind of the event. */
  @ApiProperty({ enum: ['progress'] })
  event: 'progress';

  /**
   * Data rows read so far: the sum of the other numbers.
   * @example 1
   */
  rows: number;

  /**
   * Customers created.
   * @example 1
   */
  created: number;

  /**
   * Customers changed.
   * @example 0
   */
  updated: number;

  /**
   * Rows that changed nothing.
   * @example 0
   */
  skipped: number;

  /**
   * Rows that were refused.
   * @example 0
   */
  failed: number;
}

@ApiSchema({ description: 'A row that was refused; it changed nothing.' })
export class RowErrorEventDto {
  /** Kind of the event. */
  @ApiProperty({ enum: ['rowError'] })
  event: 'rowError';

  /**
   * The data row, from 1.
   * @example 1
   */
  row: number;

  /** Why the row was refused. */
  problem: ImportProblemDto;
}

@ApiSchema({ description: 'The last event: the whole file was read.' })
export class DoneEventDto {
  /** Kind of the event. */
  @ApiProperty({ enum: ['done'] })
  event: 'done';

  /**
   * Data rows of the file: the sum of the other numbers.
   * @example 1
   */
  rows: number;

  /**
   * Customers created.
   * @example 1
   */
  created: number;

  /**
   * Customers changed.
   * @example 0
   */
  updated: number;

  /**
   * Rows that changed nothing.
   * @example 0
   */
  skipped: number;

  /**
   * Rows that were refused.
   * @example 0
   */
  failed: number;
}

@ApiSchema({ description: 'The last event: the file was not read to its end. Send it again to finish.' })
export class AbortedEventDto {
  /** Kind of the event. */
  @ApiProperty({ enum: ['aborted'] })
  event: 'aborted';

  /** Why the import ended. */
  problem: ImportProblemDto;
}

export const IMPORT_EVENTS = [ColumnsEventDto, ProgressEventDto, RowErrorEventDto, DoneEventDto, AbortedEventDto];
