import type * as PhoneLibrary from 'libphonenumber-js/core';

type CountryCode = PhoneLibrary.CountryCode;

/** What people put between digits: blanks, hyphens and dashes, dots, brackets, slashes, and marks of text direction. */
const DECORATION = /[\s\p{Pd}.()/\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;
const TRUNK_PREFIX = /^((?:\+|00)[^(]*)\(0\)/;
const E164 = /^\+[1-9]\d{1,14}$/;

/** Turns phone numbers as people write them into E.164. */
export class PhoneNumbers {
  private constructor(
    private readonly library: typeof PhoneLibrary,
    private readonly metadata: PhoneLibrary.MetadataJson,
    private readonly country?: CountryCode,
  ) {}

  /** Undefined if `country` is no country with phone numbers. The library's tables take time to load: on first use. */
  static async of(country?: string): Promise<PhoneNumbers | undefined> {
    const library = await import('libphonenumber-js/core');
    const { default: metadata } = await import('libphonenumber-js/min/metadata');
    const code = country?.toUpperCase() as CountryCode | undefined;
    if (code !== undefined && !library.isSupportedCountry(code, metadata)) return undefined;
    return new PhoneNumbers(library, metadata, code);
  }

  /** Unchanged if it is no phone number that can be dialled from everywhere, for the validation to refuse. */
  normalize(text: string): string {
    // Google Contacts separates several numbers so
    const [first = ''] = text.split(' ::: ');
    // the optional trunk prefix in +44 (0)20 7946 0123 is no digit of the number
    const plain = first.trim().normalize('NFKC').replace(TRUNK_PREFIX, '$1').replace(DECORATION, '');
    // without a country, `00` is the prefix that most countries dial for abroad (ITU-T E.123)
    const international = this.country ? plain : plain.replace(/^00(?=[1-9])/, '+');
    if (E164.test(international)) return international;
    const options = { defaultCountry: this.country, extract: false };
    const parsed = this.library.parsePhoneNumberFromString(first.normalize('NFKC'), options, this.metadata);
    return parsed?.isPossible() && !parsed.ext ? parsed.number : text;
  }
}
