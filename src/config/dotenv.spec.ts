import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadDotenv, parseDotenv } from './dotenv.js';

const read = (text: string, environment: Record<string, string> = {}): unknown => parseDotenv(text, environment).values;

/** The expected values are those of python-dotenv 1.2.4 for the same text. */
describe('.env', () => {
  it.each([
    ['A=has#hash', 'has#hash'],
    ['A=#hash', '#hash'],
    ['A=value # comment', 'value'],
    ['A=value\t#comment', 'value'],
    ['A= # comment', ''],
    ['A="quoted # hash" # comment', 'quoted # hash'],
    ["A='quoted # hash'#comment", 'quoted # hash'],
    ['A = spaced ', 'spaced'],
    ['\t A\t=\tspaced', 'spaced'],
    ['export A=x', 'x'],
    ['export\tA = x', 'x'],
    ["'A'=x", 'x'],
    ['A=several words', 'several words'],
    ['A=', ''],
    ['A=""', ''],
    ["A=''", ''],
    ['A="  kept  "', '  kept  '],
    ['A=it\'s "so"', 'it\'s "so"'],
    ['A=`x`', '`x`'],
    ['A=a=b=c', 'a=b=c'],
    ['A=back\\nslash', 'back\\nslash'],
    ['A="\\n\\t\\r\\"\\\\\\a\\q"', '\n\t\r"\\\u0007\\q'],
    ["A='\\n\\'\\\\'", "\\n'\\"],
    ['A="first\nsecond"', 'first\nsecond'],
    ["A='first\r\n# second'", 'first\r\n# second'],
    ['A=first\nA=second', 'second'],
    ['A=$B', '$B'],
    ['A=100%', '100%'],
    ['A=Zoë', 'Zoë'],
  ])('gives %j the value %j', (text, value) => {
    expect(read(text)).toEqual({ A: value });
  });

  it.each([['A'], ['export A'], ['# A=1'], ['  #A=1'], ['A=1\nA'], [''], ['\n\n']])('sets nothing by %j', (text) => {
    expect(parseDotenv(text, {})).toEqual({ values: {}, invalidLines: [] });
  });

  it.each(['\n', '\r\n', '\r'])('accepts lines that end with %j, and a byte order mark', (end) => {
    expect(read(['\ufeffA=1', '', '# comment', 'B="2"', 'C=3'].join(end))).toEqual({ A: '1', B: '2', C: '3' });
  });

  it('replaces ${NAME} and ${NAME:-default} in every kind of quotes, and the environment takes precedence', () => {
    const text = [
      'HOST_NAME=db',
      'A=mysql://${HOST_NAME}/crm',
      'B="${HOST_NAME}"',
      "C='${HOST_NAME}'",
      'D=${UNKNOWN}',
      'E=${UNKNOWN:-default value}',
      'F=${EMPTY:-default}',
      'G=${OUTER}',
      'H=${OUTER:-default}',
      'OUTER=file',
      'I=${OUTER}',
      'J=${LATER}',
      'LATER=x',
      'K=${HOST_NAME',
      'L=${HOST_NAME:x}',
    ].join('\n');
    expect(read(text, { OUTER: 'environment', EMPTY: '' })).toMatchObject({
      A: 'mysql://db/crm',
      B: 'db',
      C: 'db',
      D: '',
      E: 'default value',
      F: '',
      G: 'environment',
      H: 'environment',
      I: 'environment',
      J: '',
      K: '${HOST_NAME',
      L: '${HOST_NAME:x}',
    });
  });

  it.each([
    ['A: 1', [1]],
    ['A=1\nB="open\nC=3', [2]],
    ["A='open", [1]],
    ['A="x" y', [1]],
    ['A B=1', [1]],
    ['=1', [1]],
    ['A=1\r\n\r\nB="x"y\r\nC: 3\r\nD=4', [3, 4]],
    ['A="two\nlines"\nB=\'open', [3]],
  ])('names the invalid lines of %j', (text, lines) => {
    expect(parseDotenv(text, {}).invalidLines).toEqual(lines);
  });

  describe('as a file', () => {
    const directory = mkdtempSync(join(tmpdir(), 'crm-dotenv-'));
    const file = join(directory, '.env');
    afterEach(() => rmSync(file, { recursive: true, force: true }));
    afterAll(() => rmSync(directory, { recursive: true, force: true }));

    it('need not exist', () => {
      expect(loadDotenv(file, {})).toEqual({ values: {}, problems: [] });
    });

    it('is refused if it is a directory', () => {
      mkdirSync(file);
      expect(loadDotenv(file, {}).problems).toEqual([expect.stringContaining(`${file} must be a file`)]);
    });

    it.each([
      ['Latin-1', Buffer.from('A=Zo\u00eb', 'latin1')],
      ['UTF-16', Buffer.from('\ufeffA=1', 'utf16le')],
      ['zero bytes', Buffer.alloc(16)],
    ])('is refused in %s', (_, content) => {
      writeFileSync(file, content);
      expect(loadDotenv(file, {})).toEqual({ values: {}, problems: [`${file} must be a text file in UTF-8`] });
    });

    it('shows the number of an invalid line, and never its content', () => {
      writeFileSync(file, 'A=1\nJWT_SECRET="zq-secret\n');
      const { problems } = loadDotenv(file, {});
      expect(problems).toEqual([expect.stringContaining(`${file}, line 2: must be NAME=value`)]);
      expect(problems.join()).not.toContain('zq');
    });
  });
});
