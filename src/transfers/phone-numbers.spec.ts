import { PhoneNumbers } from './phone-numbers.js';

describe('a phone number', () => {
  it.each([
    ['+34600123456', undefined, '+34600123456'],
    ['+34 600-12.34/56', undefined, '+34600123456'],
    ['\u202d+34 600 123 456\u202c', undefined, '+34600123456'],
    ['＋３４ ６００ １２３ ４５６', undefined, '+34600123456'],
    ['0034 600 123 456', undefined, '+34600123456'],
    ['+44 (0)20 7946 0123', undefined, '+442079460123'],
    ['600 123 456', 'ES', '+34600123456'],
    ['(020) 7946 0123', 'gb', '+442079460123'],
    ['011 34 600 123 456', 'US', '+34600123456'],
    ['+34 600 123 456 ::: +34 600 000 000', undefined, '+34600123456'],
    // numbers of any country code, as the API accepts them
    ['+999 12 34', undefined, '+9991234'],
  ])('%j with country %s becomes %s', (text, country, expected) => {
    expect(PhoneNumbers.of(country)!.normalize(text)).toBe(expected);
  });

  it.each([
    ['600 123 456', undefined],
    ['3.46E+10', 'ES'],
    ['+1 212 555 0100 ext. 5', 'US'],
    ['call me', 'ES'],
    ['12', 'ES'],
  ])('%j with country %s is left for the validation to refuse', (text, country) => {
    expect(PhoneNumbers.of(country)!.normalize(text)).toBe(text);
  });

  it('needs a country that exists', () => {
    expect(PhoneNumbers.of('XX')).toBeUndefined();
  });
});
