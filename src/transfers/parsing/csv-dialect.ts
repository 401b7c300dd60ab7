import { Problem } from '../../problems/problem.js';
import { keyOf, readHeader } from './columns.js';
import { MAX_ROW_BYTES } from './file-rows.js';

const DELIMITERS = [',', ';', '\t'];
/** The first line that Excel understands, and writes for some programs. */
const SEPARATOR_LINE = /^"?sep=(.)"?\r?\n?$/i;

export interface CsvStart {
  delimiter: string;
  /** Everything after the header. */
  rest: string;
  header: string;
}

/** Reads up to the end of the header, and finds the delimiter unless it is given. */
export async function readStart(text: AsyncIterator<string>, given?: string): Promise<CsvStart> {
  let delimiter = given;
  let buffered = '';
  for (;;) {
    const end = endOfLine(buffered);
    if (end === undefined) {
      if (buffered.length > MAX_ROW_BYTES) throw malformedHeader();
      const next = await text.next();
      if (!next.done) {
        buffered += next.value;
        continue;
      }
    }
    const line = buffered.slice(0, end);
    const rest = buffered.slice(line.length);
    const separator = SEPARATOR_LINE.exec(line)?.[1];
    if (separator) delimiter ??= separator;
    else if (line.trim() !== '' || end === undefined)
      return { delimiter: delimiter ?? findDelimiter(line), header: line, rest };
    buffered = rest;
  }
}

const malformedHeader = (): Problem =>
  Problem.invalid([
    { pointer: '', code: 'too_long', message: 'The first line must name the columns, in at most 64 KiB.' },
  ]);

/** The position after the first line break outside of quotes; undefined while there is none. */
function endOfLine(text: string): number | undefined {
  let isQuoted = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '"') isQuoted = !isQuoted;
    else if (isQuoted) continue;
    else if (character === '\n') return index + 1;
    else if (character === '\r') {
      // the line feed may still come
      if (index + 1 === text.length) return undefined;
      return text[index + 1] === '\n' ? index + 2 : index + 1;
    }
  }
  return undefined;
}

/** The delimiter with which the header names an e-mail; of several, the one that occurs most often. */
function findDelimiter(header: string): string {
  const candidates = DELIMITERS.map((delimiter) => ({ delimiter, cells: splitRoughly(header, delimiter) }));
  candidates.sort((a, b) => b.cells.length - a.cells.length);
  return (candidates.find(({ cells }) => namesEmail(cells)) ?? candidates[0]!).delimiter;
}

function namesEmail(cells: string[]): boolean {
  if (cells.every((cell) => keyOf(cell) === '')) return false;
  try {
    readHeader(cells);
    return true;
  } catch {
    return false;
  }
}

/** Good enough to compare delimiters: quoted cells of a header hold no quotes. */
const splitRoughly = (line: string, delimiter: string): string[] =>
  line
    .replace(/"[^"]*"/g, (quoted) => quoted.replaceAll(delimiter, ' '))
    .split(delimiter)
    .map((cell) => cell.replaceAll('"', ''));
