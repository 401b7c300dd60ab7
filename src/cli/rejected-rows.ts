import { once } from 'node:events';
import { createWriteStream, type WriteStream } from 'node:fs';
import type { Problem } from '../problems/problem.js';
import { createLineWriter } from '../transfers/csv-writer.js';
import type { FileRow, ImportFile } from '../transfers/parsing/file-rows.js';
import { restoreCell } from '../transfers/parsing/spreadsheet-cells.js';

const REASON = 'reason';
/** The columns of a file that has no header. */
const MEMBERS = ['email', 'name', 'surname', 'phone', 'company', 'notes'];

/** Writes refused rows as a CSV file that can be mended and imported: the first column, the reason, is ignored then. */
export class RejectedRows {
  private stream?: WriteStream;
  private format?: (lines: string[][]) => string;

  constructor(
    readonly path: string,
    private readonly file: ImportFile,
  ) {}

  async add(row: FileRow, { detail }: Problem): Promise<void> {
    const { header = MEMBERS } = this.file;
    // the file may be one that this class wrote
    const start = header[0] === REASON ? 1 : 0;
    if (!this.stream) {
      this.format = await createLineWriter();
      this.stream = createWriteStream(this.path);
      await once(this.stream, 'open');
      this.stream.write(`\ufeff${this.format([[REASON, ...header.slice(start).map(restoreCell)]])}`);
    }
    const cells = row.cells?.slice(start).map(restoreCell) ?? MEMBERS.map((name) => textOf(row.values[name]));
    const reason = `Row ${row.row}: ${detail}`;
    if (!this.stream.write(this.format!([[reason, ...cells]]))) await once(this.stream, 'drain');
  }

  /** Returns whether there are any. */
  async end(): Promise<boolean> {
    if (!this.stream) return false;
    this.stream.end();
    await once(this.stream, 'close');
    return true;
  }
}

const textOf = (value: unknown): string =>
  typeof value === 'string' ? value : value === undefined || value === null ? '' : JSON.stringify(value);
