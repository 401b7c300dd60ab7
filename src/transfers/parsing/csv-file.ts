import type { Options, Parser } from 'csv-parse';
import { Problem } from '../../problems/problem.js';
import { type Columns, readHeader } from './columns.js';
import { readStart } from './csv-dialect.js';
import {
  type FileRow,
  type ImportFile,
  MAX_READ_ROW_BYTES,
  MAX_ROW_BYTES,
  rowTooLong,
  unreadable,
} from './file-rows.js';
import { restoreCell } from './spreadsheet-cells.js';

/** As people's files are: rows of any length, quotes in the middle of a cell, any line break. */
const OPTIONS: Options = {
  relax_column_count: true,
  relax_quotes: true,
  skip_empty_lines: true,
  record_delimiter: ['\r\n', '\n', '\r'],
  max_record_size: MAX_READ_ROW_BYTES,
};

interface CsvRecord {
  record: string[];
  /** `bytes`: where the record ends. */
  info: { bytes: number };
}

/** Opens a CSV file (RFC 4180). Throws unless its header names an e-mail column. */
export async function openCsv(text: AsyncIterator<string>, givenDelimiter?: string): Promise<ImportFile> {
  const { parse } = await import('csv-parse');
  const { parse: parseAtOnce } = await import('csv-parse/sync');
  const { delimiter, header, rest } = await readStart(text, givenDelimiter);
  const options = { ...OPTIONS, delimiter };
  const [names = []] = readAll(() => parseAtOnce(header, options));
  const columns = readHeader(names.map(restoreCell));
  const parser = parse({ ...options, info: true });
  return { header: names, columns, rows: readRows(parser, rest, text, columns) };
}

function readAll(read: () => string[][]): string[][] {
  try {
    return read();
  } catch {
    throw Problem.invalid([{ pointer: '', code: 'malformed', message: 'The first line is not CSV (RFC 4180).' }]);
  }
}

async function* readRows(
  parser: Parser,
  rest: string,
  text: AsyncIterator<string>,
  columns: Columns,
): AsyncGenerator<FileRow[]> {
  // reported below, where the rows before it have been read
  let error: (Error & { code?: string }) | undefined;
  parser.on('error', (failure) => (error = failure));
  const ended = new Promise<void>((resolve) => parser.once('close', resolve).once('end', resolve));
  let row = 0;
  let end = 0;
  const take = (): FileRow[] => {
    const rows: FileRow[] = [];
    for (let found = parser.read() as CsvRecord | null; found; found = parser.read() as CsvRecord | null) {
      rows.push(toRow(++row, found.record, found.info.bytes - end, columns));
      end = found.info.bytes;
    }
    return rows;
  };
  try {
    for (let piece: string | undefined = rest; piece !== undefined; piece = await nextOf(text)) {
      // a transform without asynchronous work: its records are there when it returns
      parser.write(piece);
      const rows = take();
      if (rows.length > 0) yield rows;
      if (parser.errored) break;
    }
    parser.end();
    const rows = take();
    parser.resume();
    await ended;
    if (rows.length > 0) yield rows;
    if (error) throw unreadable(row + 1, reasonOf(error.code));
  } finally {
    parser.destroy();
    await text.return?.();
  }
}

async function nextOf(text: AsyncIterator<string>): Promise<string | undefined> {
  const next = await text.next();
  return next.done ? undefined : next.value;
}

function reasonOf(code?: string): string {
  if (code === 'CSV_MAX_RECORD_SIZE')
    return 'It is longer than 1 MiB, or a quoted cell in it does not end: a quote in a cell must be doubled.';
  return 'A quoted cell in it does not end: a quote in a cell must be doubled.';
}

function toRow(row: number, cells: string[], bytes: number, { members }: Columns): FileRow {
  const values: Record<string, unknown> = {};
  let isTooWide = false;
  for (const [index, cell] of cells.entries()) {
    const member = members[index];
    // spaces alone are a value of no member but the notes, which are not trimmed
    if (member === 'notes' ? cell === '' : cell.trim() === '') continue;
    if (member) values[member] ??= restoreCell(cell);
    else if (index >= members.length) isTooWide = true;
  }
  const { fullName, ...own } = values as { fullName?: string };
  const problem = bytes > MAX_ROW_BYTES ? rowTooLong() : isTooWide ? tooManyCells(members.length) : undefined;
  return { row, values: own, fullName, problem, cells };
}

/** Most likely a delimiter in a cell that is not quoted: the values would end up in the wrong columns. */
const tooManyCells = (count: number): Problem =>
  Problem.invalid([
    {
      pointer: '',
      code: 'too_many_cells',
      message: `The row has more cells than the header (${count}). A cell that contains the delimiter must be quoted.`,
    },
  ]);
