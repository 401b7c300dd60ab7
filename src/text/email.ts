import { domainToASCII, domainToUnicode } from 'node:url';
import { codePointOf, findConfusable, trimBlanks } from './characters.js';

/** Twice what any field accepts: longer text is refused, so it need not be converted first. */
const MAX_LENGTH = 508;
/** RFC 5321, 4.5.3.1: octets before the @, and of the whole address. */
const MAX_LOCAL_BYTES = 64;
const MAX_BYTES = 254;

// all except the specials of RFC 5322; mail to addresses such as foo..bar@docomo.ne.jp is delivered
const LOCAL = String.raw`[^\x00-\x20"(),:;<>@[\\\]\x7f]{1,64}`;
const LETTER = String.raw`[^\x00-\x40\x5b-\x60\x7b-\x7f]`;
const LETTER_OR_DIGIT = String.raw`[^\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]`;
/** Also a hyphen. */
const INNER = String.raw`[^\x00-\x2c\x2e\x2f\x3a-\x40\x5b-\x60\x7b-\x7f]{0,61}${LETTER_OR_DIGIT}`;
const LABEL = String.raw`${LETTER_OR_DIGIT}(?:${INNER})?`;
/** At least two characters that are not all digits (RFC 3696, 2). */
const TOP_LABEL = String.raw`(?:${LETTER}${INNER}|\d+(?:${LETTER}(?:${INNER})?|-${INNER}))`;
/**
 * Addresses of the public Internet, also internationalized ones (RFC 6531): a local part without quotes, and a domain
 * with a dot. Published in the OpenAPI, so it uses only what every regular expression engine has.
 */
export const EMAIL = new RegExp(String.raw`^[\t-\r ]*${LOCAL}@(?:${LABEL}\.)+${TOP_LABEL}[\t-\r ]*$`);

/**
 * E-mails are compared as bytes after trimming and lower-casing. Only pairs of letters that belong to each other are
 * converted: the lower case of the Kelvin sign is `k`, and that of a dotted I is two characters, but the addresses with
 * these letters belong to others.
 */
export function normalizeEmail(text: string): string {
  const trimmed = trimBlanks(text);
  return trimmed.length > MAX_LENGTH ? trimmed : trimmed.replace(/\p{Changes_When_Lowercased}/gu, toLowerCase);
}

/**
 * False for letters that `normalizeEmail` leaves as they are. They are refused in new e-mails: databases disagree about
 * their lower case, which the unique index contains.
 */
export const hasOneCase = (email: string): boolean => email === email.toLowerCase();

/** Why a normalized address cannot be stored, as the end of a sentence; undefined if it can. */
export function emailError(email: string): string | undefined {
  const character = findConfusable(email) ?? [...email].find((letter) => !hasOneCase(letter));
  if (character) return `must be an e-mail address, but contains ${codePointOf(character)}`;
  return EMAIL.test(email) && isDeliverable(email) ? undefined : 'must be an e-mail address';
}

function isDeliverable(email: string): boolean {
  const at = email.indexOf('@');
  if (Buffer.byteLength(email) > MAX_BYTES || Buffer.byteLength(email.slice(0, at)) > MAX_LOCAL_BYTES) return false;
  const domain = email.slice(at + 1);
  const ascii = domainToASCII(domain);
  // other spellings of a domain are aliases, such as decomposed letters or a full stop of another script (UTS 46)
  const isCanonical = ascii !== '' && (ascii === domain || domainToUnicode(ascii) === domain);
  return isCanonical && ascii.split('.').every(({ length }) => length <= 63);
}

function toLowerCase(letter: string): string {
  const lower = letter.toLowerCase();
  return lower.toUpperCase() === letter ? lower : letter;
}
