import { readFileSync } from 'node:fs';

/** What `.env` says: the values by name, and the lines that say nothing. */
export interface Dotenv {
  values: Record<string, string>;
  invalidLines: number[];
}

const SPACES = /[^\S\r\n]*/y;
const EXPORT = /(?:export[^\S\r\n]+)?/y;
const NAME = /'([^']+)'|([^'=#\s][^=#\s]*)/y;
const EQUALS = /=[^\S\r\n]*/y;
const SINGLE_QUOTED = /'((?:\\.|[^'\\])*)'/sy;
const DOUBLE_QUOTED = /"((?:\\.|[^"\\])*)"/sy;
const UNQUOTED = /[^\r\n]*/y;
const END_OF_LINE = /[^\S\r\n]*(?:#[^\r\n]*)?(?:\r\n|\n|\r|$)/y;
const REST_OF_LINE = /[^\r\n]*(?:\r\n|\n|\r|$)/y;

const ESCAPES: Record<string, string> = {
  a: '\u0007',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

/**
 * Reads `.env` as python-dotenv does, with which the Flask service read it: its file is taken over as it is. Neither
 * Node's own parser nor the npm package does: for both, `#` within a word begins a comment, and `${NAME}` is text.
 * Values of the environment take precedence over those of the file, also where the file refers to them.
 */
export function parseDotenv(text: string, environment: Record<string, string | undefined>): Dotenv {
  const values: Record<string, string> = {};
  const invalidLines: number[] = [];
  const scanner = new Scanner(text);
  while (scanner.skipBlankLines()) {
    const { line } = scanner;
    const binding = readBinding(scanner);
    if (!binding) {
      scanner.read(REST_OF_LINE);
      invalidLines.push(line);
    } else if (binding.value === undefined) delete values[binding.name];
    else values[binding.name] = expand(binding.value, { ...values, ...environment });
  }
  return { values, invalidLines };
}

const REASONS: Record<string, string> = {
  EACCES: 'must be readable for the user that runs the service',
  EISDIR: 'must be a file, and is a directory; Docker creates one to mount a file that does not exist',
  ERR_ENCODING_INVALID_ENCODED_DATA: 'must be a text file in UTF-8',
};

/** Reads the file, if there is one. A line that cannot be read is a problem: a variable must not be dropped silently. */
export function loadDotenv(
  file: string,
  environment: Record<string, string | undefined>,
): { values: Record<string, string>; problems: string[] } {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
    // UTF-16, or a file that a crash left behind
    if (text.includes('\0')) throw Object.assign(new Error(), { code: 'ERR_ENCODING_INVALID_ENCODED_DATA' });
    const { values, invalidLines } = parseDotenv(text, environment);
    const problems = invalidLines.map(
      (line) =>
        `${file}, line ${line}: must be NAME=value or a comment; a quote must be closed, and only a comment may follow`,
    );
    return { values, problems };
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    return {
      values: {},
      problems: code === 'ENOENT' ? [] : [`${file} ${REASONS[code] ?? `cannot be read (${code})`}`],
    };
  }
}

/** A name without a value, as in `NAME`, unsets it. A comment has no name. Null if the line is invalid. */
function readBinding(scanner: Scanner): { name: string; value?: string } | null {
  scanner.read(EXPORT);
  if (scanner.next === '#') return scanner.read(END_OF_LINE) && { name: '' };
  const name = scanner.read(NAME);
  if (!name) return null;
  scanner.read(SPACES);
  const equals = scanner.read(EQUALS);
  const value = equals ? readValue(scanner, equals[0] !== '=') : undefined;
  return value !== null && scanner.read(END_OF_LINE) ? { name: (name[1] ?? name[2])!, value } : null;
}

function readValue(scanner: Scanner, followsSpace: boolean): string | null {
  // a comment, while `NAME=#value` has a value
  if (followsSpace && scanner.next === '#') return '';
  if (scanner.next === "'") {
    const quoted = scanner.read(SINGLE_QUOTED);
    return quoted ? quoted[1]!.replace(/\\([\\'])/g, '$1') : null;
  }
  if (scanner.next === '"') {
    const quoted = scanner.read(DOUBLE_QUOTED);
    return quoted ? quoted[1]!.replace(/\\([\\'"abfnrtv])/g, (_, letter: string) => ESCAPES[letter] ?? letter) : null;
  }
  return scanner
    .read(UNQUOTED)![0]
    .replace(/\s+#.*/, '')
    .trimEnd();
}

/** `${NAME}` and `${NAME:-default}`, whatever the quotes. */
function expand(value: string, known: Record<string, string | undefined>): string {
  return value.replace(
    /\$\{([^}:]*)(?::-([^}]*))?\}/g,
    (_, name: string, fallback: string | undefined) =>
      (Object.hasOwn(known, name) ? known[name] : undefined) ?? fallback ?? '',
  );
}

class Scanner {
  private position = 0;

  constructor(private readonly text: string) {}

  get line(): number {
    return this.text.slice(0, this.position).split(/\r\n|\n|\r/).length;
  }

  get next(): string | undefined {
    return this.text[this.position];
  }

  /** Returns whether anything follows. */
  skipBlankLines(): boolean {
    // `\s` includes the byte order mark that editors on Windows write
    this.read(/\s*/y);
    return this.position < this.text.length;
  }

  /** Reads what the sticky expression matches here, if it does. */
  read(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.position;
    const match = expression.exec(this.text);
    if (match) this.position += match[0].length;
    return match;
  }
}
