import type { GeneratedRequest, Operation } from './requests.js';

type Request = Pick<GeneratedRequest, 'query' | 'body'>;

/** No schema can say these rules; the description of each parameter or member does. */
const ALWAYS: Record<string, string[]> = {
  returnTo: ['not_allowed'],
  codeChallenge: ['not_allowed'],
  cursor: ['invalid_cursor'],
  after: ['invalid_cursor'],
  q: ['too_many_words'],
  country: ['not_allowed'],
  encoding: ['unknown_encoding', 'invalid_encoding'],
  '/from': ['not_allowed'],
  '/password': ['too_common'],
  '/newPassword': ['too_common'],
};

/** Whether the value of a valid request may be refused so. */
export function excuseOf(
  { pointer, code }: { pointer: string; code: string },
  _operation: Operation,
  { query, body }: Request,
): boolean {
  if (ALWAYS[pointer]?.includes(code)) return true;
  const text = valueOf(pointer, { query, body });
  // the rules for invisible characters, lengths of prepared passwords and internationalized domains need Unicode's tables
  const isAscii = /^[\0-\x7f]*$/.test(text);
  switch (code) {
    case 'invalid_text':
    case 'too_long':
    case 'too_short':
      return !isAscii;
    case 'invalid_email':
      return !isAscii || /@.*xn--/i.test(text) || /\.0x[\da-f]*\s*$/i.test(text);
    case 'invalid_phone':
      return /\(\s*0\s*\)/.test(text);
    // a file whose content is not what its type says
    case 'no_email_column':
    case 'not_text':
      return pointer === '';
    default:
      return false;
  }
}

const valueOf = (pointer: string, { query, body }: Request): string =>
  pointer.startsWith('/')
    ? String((body?.value as Record<string, unknown> | undefined)?.[pointer.slice(1)])
    : (query.find(([name]) => name === pointer)?.[1] ?? '');
