import { readFileSync } from 'node:fs';
import type { MemberErrorCode } from '../problems/catalog.js';

const LIST = readFileSync(new URL('./common-passwords.txt', import.meta.url), 'utf8');
const COMMON = new Set(LIST.split('\n').filter((line) => !line.startsWith('#')));

/** One to four characters, again and again. */
const REPETITION = /^(.{1,4})\1+$/su;

const ROWS = ['abcdefghijklmnopqrstuvwxyz', '01234567890', 'qwertyuiop', 'asdfghjkl', 'zxcvbnm'];
const SEQUENCES = ROWS.flatMap((row) => [row, [...row].reverse().join('')]);

/** Code and message of the error. */
export const TOO_COMMON: [code: MemberErrorCode, message: string] = [
  'too_common',
  'Must not be a common password, a sequence, a repetition, or the e-mail.',
];

/**
 * Passwords that guessers try first (NIST SP 800-63B, 3.1.1.2): the commonest ones, repetitions, sequences, and those made
 * of the name of the service or of the user's e-mail.
 */
export function isCommonPassword(password: string, email?: unknown): boolean {
  const lower = password.toLowerCase();
  if (COMMON.has(lower) || COMMON.has(lower.trim()) || REPETITION.test(lower)) return true;
  if (SEQUENCES.some((sequence) => sequence.includes(lower))) return true;
  const owner = typeof email === 'string' ? [email, email.split('@', 1)[0]!] : [];
  return ['crm-service', ...owner].some((word) => lettersOf(word) !== '' && lettersOf(word) === lettersOf(password));
}

/** Without what people add to a word to make it a password: punctuation, and digits at the end. */
const lettersOf = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '')
    .replace(/\p{N}+$/u, '');
