import { Problem } from '../../problems/problem.js';
import {
  type FileRow,
  type ImportFile,
  MAX_READ_ROW_BYTES,
  MAX_ROW_BYTES,
  rowTooLong,
  unreadable,
} from './file-rows.js';

/** Opens a file with one JSON object per line. */
export const openNdjson = (text: AsyncIterator<string>): ImportFile => ({ rows: readRows(text) });

async function* readRows(text: AsyncIterator<string>): AsyncGenerator<FileRow[]> {
  let row = 0;
  let open = '';
  const toRows = (lines: string[]): FileRow[] =>
    lines.filter((line) => line.trim() !== '').map((line) => toRow(++row, line));
  try {
    for (let next = await text.next(); !next.done; next = await text.next()) {
      const lines = (open + next.value).split('\n');
      open = lines.pop()!;
      const rows = toRows(lines);
      if (rows.length > 0) yield rows;
      if (open.length > MAX_READ_ROW_BYTES) throw unreadable(row + 1, 'It is longer than 1 MiB.');
    }
    const last = toRows([open]);
    if (last.length > 0) yield last;
  } finally {
    await text.return?.();
  }
}

function toRow(row: number, line: string): FileRow {
  if (Buffer.byteLength(line) > MAX_ROW_BYTES) return { row, values: {}, problem: rowTooLong() };
  try {
    const values: unknown = JSON.parse(line);
    if (typeof values === 'object' && values !== null && !Array.isArray(values))
      return { row, values: values as Record<string, unknown> };
  } catch {
    // reported like any other value that is no object
  }
  const problem = Problem.invalid([{ pointer: '', code: 'not_an_object', message: 'Must be a JSON object.' }]);
  return { row, values: {}, problem };
}
