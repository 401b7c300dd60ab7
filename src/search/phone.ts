// only the data: the library's own modules take many times as long to load
import metadata from 'libphonenumber-js/min/metadata';

/** The place of the trunk prefix in the data of a country; the library's types do not describe it. */
const TRUNK_PREFIX = 5;

/** The digits that people dial before a national number, mostly `0`; null for an unknown country code. */
function trunkPrefixOf(code: string): string | null {
  const country = metadata.country_calling_codes[code]?.[0];
  if (country === undefined) return null;
  const prefix = (metadata.countries[country] as unknown[] | undefined)?.[TRUNK_PREFIX];
  return typeof prefix === 'string' ? prefix : '';
}

/** The forms in which people dial an E.164 number: international, national, and national with the trunk prefix. */
export function phoneWords(phone: string): string[] {
  const digits = phone.replace(/\D/g, '');
  // no country code is the start of another (ITU-T E.164)
  for (let length = 1; length <= 3; length++) {
    const trunk = trunkPrefixOf(digits.slice(0, length));
    if (trunk === null) continue;
    const national = digits.slice(length);
    return [digits, national, trunk + national];
  }
  return [digits];
}
