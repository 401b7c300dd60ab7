import { type CountryCode, isSupportedCountry, parsePhoneNumberFromString } from 'libphonenumber-js/min';
import { E164, MAX_PHONE_LENGTH, normalizePhone } from '../text/phone.js';

/** Turns phone numbers as files have them into E.164: also those in the national form of a country. */
export class PhoneNumbers {
  private constructor(private readonly country?: CountryCode) {}

  /** Undefined if `country` is no country with phone numbers. */
  static of(country?: string): PhoneNumbers | undefined {
    const code = country?.toUpperCase();
    return code === undefined || isSupportedCountry(code) ? new PhoneNumbers(code) : undefined;
  }

  /** Unchanged if it is no phone number that can be dialled from everywhere, for the validation to refuse. */
  normalize(text: string): string {
    // Google Contacts separates several numbers so
    const first = text.split(' ::: ', 1)[0]!.trim().normalize('NFKC');
    // without a country, `00` is the prefix that most countries dial for abroad (ITU-T E.123)
    const international = normalizePhone(this.country ? first : first.replace(/^00(?=[1-9])/, '+'));
    if (E164.test(international) || first.length > MAX_PHONE_LENGTH) return international;
    const parsed = parsePhoneNumberFromString(first, { defaultCountry: this.country, extract: false });
    return parsed?.isPossible() && !parsed.ext ? parsed.number : text;
  }
}
