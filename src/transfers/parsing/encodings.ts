import { Problem } from '../../problems/problem.js';

/** Encodings that programs save text files in, by the names that people use, without punctuation and case. */
const ALIASES: Record<string, string> = {
  utf8: 'utf-8',
  utf16: 'utf-16le',
  utf16le: 'utf-16le',
  utf16be: 'utf-16be',
  // what is called so has the printable characters of Windows-1252 (WHATWG Encoding, 4.2)
  ascii: 'windows-1252',
  usascii: 'windows-1252',
  latin1: 'windows-1252',
  iso88591: 'windows-1252',
  ansi: 'windows-1252',
  shiftjis: 'shift_jis',
  sjis: 'shift_jis',
  cp932: 'shift_jis',
  eucjp: 'euc-jp',
  euckr: 'euc-kr',
  cp949: 'euc-kr',
  gbk: 'gbk',
  gb2312: 'gbk',
  cp936: 'gbk',
  gb18030: 'gb18030',
  big5: 'big5',
  cp950: 'big5',
  koi8r: 'koi8-r',
  koi8u: 'koi8-u',
  macintosh: 'macintosh',
  macroman: 'macintosh',
  ...Object.fromEntries(
    range(1250, 1258).flatMap((page) => ['windows', 'win', 'cp'].map((name) => [`${name}${page}`, `windows-${page}`])),
  ),
  ...Object.fromEntries([...range(2, 10), ...range(13, 16)].map((part) => [`iso8859${part}`, `iso-8859-${part}`])),
};

export const UTF8 = 'utf-8';

/** The encoding with this name; undefined for unknown ones. */
export function encodingNamed(name: string): string | undefined {
  const key = name.toLowerCase().replace(/[\s_-]/g, '');
  return Object.hasOwn(ALIASES, key) ? ALIASES[key] : undefined;
}

/** Decodes a file piece by piece; throws on bytes that the encoding does not have, instead of replacing them. */
export interface TextDecoding {
  decode: (bytes: Uint8Array) => string;
  end: () => string;
}

export async function createDecoding(encoding: string): Promise<TextDecoding> {
  if (encoding.startsWith('utf-')) return unicode(encoding);
  // the encodings of old programs: their tables take time to load
  const { default: iconv } = await import('iconv-lite');
  const decoder = iconv.getDecoder(encoding);
  const checked = (text: string): string => {
    if (text.includes('\ufffd')) throw invalidEncoding(encoding);
    return text;
  };
  return {
    decode: (bytes) => checked(decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))),
    end: () => checked(decoder.end() ?? ''),
  };
}

function unicode(encoding: string): TextDecoding {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const decode = (bytes: Uint8Array | undefined): string => {
    try {
      return decoder.decode(bytes, { stream: bytes !== undefined });
    } catch {
      throw invalidEncoding(encoding);
    }
  };
  return { decode, end: () => decode(undefined) };
}

function invalidEncoding(encoding: string): Problem {
  const hint =
    encoding === UTF8
      ? 'Name the encoding of the file; Excel on Windows often saves windows-1252.'
      : 'Name the encoding that the file was saved in.';
  const message = `The file is not text in ${encoding}. ${hint}`;
  return Problem.invalid([{ pointer: 'encoding', code: 'invalid_encoding', message }]);
}

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
