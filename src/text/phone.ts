import { parsePhoneNumberFromString } from 'libphonenumber-js/min';

/** ITU-T E.164: a plus sign, then 2 to 15 digits, which start with the country code. */
export const E164 = /^\+[1-9]\d{1,14}$/;

/** Blanks, brackets, dots, slashes, dashes, and invisible marks, which telephones add when they copy a number. */
const DECORATION = String.raw`[\s().\/\u002d\u2010-\u2015\u2212\u061c\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069]`;
/** An international number in the forms in which people write it. */
export const PHONE = new RegExp(`^${DECORATION}*\\+${DECORATION}*[1-9](?:${DECORATION}*\\d){1,14}${DECORATION}*$`);
export const MAX_PHONE_LENGTH = 64;

const DECORATIONS = new RegExp(DECORATION, 'g');
const TRUNK_ZERO = /\(\s*0\s*\)/;

/**
 * E.164 without decoration. A trunk zero as in +44 (0)20 is dropped where the country drops it; Italy keeps it. Returns
 * other text unchanged.
 */
export function normalizePhone(text: string): string {
  if (text.length > MAX_PHONE_LENGTH || !PHONE.test(text)) return text;
  const number = text.replace(DECORATIONS, '');
  if (!TRUNK_ZERO.test(text)) return number;
  const parsed = parsePhoneNumberFromString(number);
  return parsed?.isValid() ? parsed.number : text;
}
