import fc from 'fast-check';
import { unique } from './service.js';

/** Characters that files, spreadsheets and databases treat in a special way. */
const NASTY = [...`,;"'\t=+-@＝＋ .ßéŁ王ي🎉|\\/0a`, '\u00a0', '\u200d', 'e\u0301'];

const text = (max: number, units = NASTY): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(...units), maxLength: max });
const line = text(
  20,
  // one line has neither tabs nor invisible characters nor exotic blanks
  NASTY.filter((unit) => !['\t', '\u00a0', '\u200d'].includes(unit)),
)
  .map((value) => value.trim())
  .filter((value) => value !== '');
const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null });

/** Customers as the API accepts them. Not empty notes: a file cannot tell them from none. */
export const someCustomers = fc.array(
  fc.record({
    email: fc.constant('').map(() => `c-${unique()}@example.com`),
    name: line,
    surname: line,
    phone: optional(fc.stringMatching(/^\+[1-9]\d{1,14}$/)),
    company: optional(line),
    notes: optional(text(40, [...NASTY, '\n', '\r', '\r\n', '\n=1']).filter((value) => value !== '')),
  }),
  { minLength: 20, maxLength: 60 },
);
