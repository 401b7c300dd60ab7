import { Problem } from '../../problems/problem.js';

/** Of a row: 64 KiB, as a JSON body of the API. A longer one fails alone, unless it is too long to be read at all. */
export const MAX_ROW_BYTES = 64 * 1024;
export const MAX_READ_ROW_BYTES = 1024 * 1024;

/** A data row of a file as it was read, or why it could not be read. */
export interface FileRow {
  /** Counts the data rows from 1. */
  row: number;
  /** By member of the customer, or by unknown name. Empty: the row has no value at all. */
  values: Record<string, unknown>;
  /** Of a column for name and surname together. */
  fullName?: string;
  problem?: Problem;
  /** The cells of a CSV row, for writing it again. */
  cells?: string[];
}

/** A file that is being read. Rows come in groups, as the file does. */
export interface ImportFile {
  /** Of a CSV file. */
  header?: string[];
  columns?: { used: Record<string, string>; ignored: string[] };
  rows: AsyncIterable<FileRow[]>;
}

export const rowTooLong = (): Problem =>
  Problem.invalid([
    { pointer: '', code: 'too_long', message: `The row must have at most ${MAX_ROW_BYTES / 1024} KiB.` },
  ]);

/** The rest of the file cannot be read. */
export const unreadable = (row: number, reason: string): Problem =>
  new Problem('malformed_request', `Row ${row}: ${reason} The file was not read beyond.`);
