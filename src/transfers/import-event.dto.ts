import { ApiProperty } from '@nestjs/swagger';
import { InvalidMemberDto } from '../problems/problem.dto.js';

/** Why a row was refused, or the import ended. */
export class ImportProblemDto {
  /**
   * Stable code of the problem, as in problem documents.
   * @example 'invalid_request'
   */
  code: string;

  /** @example '/email: Must be an e-mail address.' */
  detail: string;

  /** Only with `invalid_request`: every invalid member. */
  errors?: InvalidMemberDto[];
}

/** The first event for a CSV file: what its columns are used for. */
export class ColumnsEventDto {
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

/** At least every two seconds. What it counts is committed. */
export class ProgressEventDto {
  @ApiProperty({ enum: ['progress'] })
  event: 'progress';

  /** Data rows read so far: the sum of the other numbers. */
  rows: number;

  created: number;

  updated: number;

  /** Rows that changed nothing. */
  skipped: number;

  failed: number;
}

/** A row that was refused; it changed nothing. */
export class RowErrorEventDto {
  @ApiProperty({ enum: ['rowError'] })
  event: 'rowError';

  /** The data row, from 1. */
  row: number;

  problem: ImportProblemDto;
}

/** The last event: the whole file was read. */
export class DoneEventDto {
  @ApiProperty({ enum: ['done'] })
  event: 'done';

  rows: number;

  created: number;

  updated: number;

  skipped: number;

  failed: number;
}

/** The last event: the file was not read to its end. Send it again to finish. */
export class AbortedEventDto {
  @ApiProperty({ enum: ['aborted'] })
  event: 'aborted';

  problem: ImportProblemDto;
}

export const IMPORT_EVENTS = [ColumnsEventDto, ProgressEventDto, RowErrorEventDto, DoneEventDto, AbortedEventDto];
