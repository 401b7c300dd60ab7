import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { isEmail, ValidateBy, ValidateIf } from 'class-validator';

/** What is wrong with a value: a stable code and words for people. */
type FieldError = [code: string, message: string];

interface Field {
  schema: ApiPropertyOptions;
  /** Makes equal what counts as equal, before the check. */
  normalize?: (value: string) => unknown;
  check: (value: unknown) => FieldError | undefined;
}

/** One decorator for what a member may be, how it is normalized and how it is documented. */
function field({ schema, normalize, check }: Field): PropertyDecorator {
  return applyDecorators(
    // said, because the type of an optional member that may be null is Object at run time
    ApiProperty({ type: String, ...schema }),
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' && normalize ? normalize(value) : value)),
    ValidateBy({
      name: 'field',
      validator: {
        validate: (value) => check(value) === undefined,
        // "code message"; the validation pipe takes them apart
        defaultMessage: (args) => check(args?.value)?.join(' ') ?? '',
      },
    }),
  );
}

/** May be missing, but not null; with `IsOptional` it may be either. */
export const OptionalNotNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** As the database counts: MySQL's VARCHAR(n) holds n code points, JavaScript's length counts half of an emoji. */
const codePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

const lengthOf = (value: unknown, min: number, max: number): FieldError | undefined => {
  if (typeof value !== 'string') return ['not_a_string', 'must be a string'];
  // a string of n code units has at least n / 2 code points: what is far too long is not counted
  const length = value.length > 2 * max ? Infinity : codePoints(value);
  if (length < min)
    return min === 1 ? ['empty', 'must not be empty'] : ['too_short', `must have at least ${min} characters`];
  if (length > max) return ['too_long', `must have at most ${max} characters`];
  return undefined;
};

// C0 and C1 controls, line and paragraph separators: a name is one line, wherever it is printed
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const CONTROLS_EXCEPT_LINE_BREAKS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/** One line of 1 to `max` characters; space around it is cut off. */
export const SingleLine = (max: number): PropertyDecorator =>
  field({
    schema: { minLength: 1, maxLength: max },
    normalize: (value) => value.trim(),
    check: (value) =>
      lengthOf(value, 1, max) ??
      (CONTROLS.test(value as string) ? ['invalid_text', 'must be one line without control characters'] : undefined),
  });

/** Text of any number of lines. */
export const MultiLine = (max: number): PropertyDecorator =>
  field({
    schema: { maxLength: max },
    check: (value) =>
      lengthOf(value, 0, max) ??
      (CONTROLS_EXCEPT_LINE_BREAKS.test(value as string)
        ? ['invalid_text', 'must not have control characters']
        : undefined),
  });

/** E-mails are equal if their bytes are, after this. */
export const normalizeEmail = (value: string): string => value.trim().toLowerCase();

export const Email = (): PropertyDecorator =>
  field({
    schema: { format: 'email', maxLength: 120, example: 'ana.maria@example.com' },
    normalize: normalizeEmail,
    check: (value) =>
      lengthOf(value, 1, 120) ?? (isEmail(value) ? undefined : ['invalid_email', 'must be an e-mail address']),
  });

/** ITU-T E.164: a plus sign, then 2 to 15 digits that begin with the country's code. */
export const Phone = (): PropertyDecorator =>
  field({
    schema: { pattern: '^\\+[1-9]\\d{1,14}$', example: '+34600123456' },
    check: (value) =>
      typeof value === 'string' && /^\+[1-9]\d{1,14}$/.test(value)
        ? undefined
        : ['invalid_phone', 'must be in the international format E.164, such as +34600123456'],
  });

/** NIST SP 800-63B, 3.1.1.2: length is what counts, no rules of composition, nothing cut off. */
export const NewPassword = (): PropertyDecorator =>
  field({
    schema: { format: 'password', minLength: 8, maxLength: 128, example: 'correct horse battery' },
    check: (value) => lengthOf(value, 8, 128),
  });

/** Anything that may have been accepted once; whether it is right is found out by comparing. */
export const RawString = (max: number): PropertyDecorator =>
  field({ schema: { minLength: 1, maxLength: max }, check: (value) => lengthOf(value, 1, max) });

export const MatchesPattern = (pattern: RegExp, message: string): PropertyDecorator =>
  field({
    schema: { pattern: pattern.source },
    check: (value) => (typeof value === 'string' && pattern.test(value) ? undefined : ['not_allowed', message]),
  });

export const IsOneOf = (...allowed: string[]): PropertyDecorator =>
  field({
    schema: { enum: allowed },
    check: (value) =>
      allowed.includes(value as string) ? undefined : ['not_allowed', `must be one of ${allowed.join(', ')}`],
  });

/** In a query, where everything arrives as text: decimal digits only, no sign, exponent or hexadecimal. */
export const IntegerParameter = (min: number, max: number): PropertyDecorator =>
  field({
    schema: { type: 'integer', minimum: min, maximum: max },
    normalize: (value) => (/^\d{1,10}$/.test(value) ? Number(value) : value),
    check: (value) =>
      typeof value === 'number' && value >= min && value <= max
        ? undefined
        : ['not_in_range', `must be a whole number from ${min} to ${max}`],
  });

export const BooleanParameter = (): PropertyDecorator =>
  field({
    schema: { type: 'boolean' },
    normalize: (value) => (value === 'true' ? true : value === 'false' ? false : value),
    check: (value) => (typeof value === 'boolean' ? undefined : ['not_a_boolean', 'must be true or false']),
  });

const RFC_3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/i;

/** JavaScript takes 30 February for 1 March, and has years that no database knows. */
function timeOf(value: string): Date | undefined {
  const [year, month, day] = value.split(/[-T]/i).map(Number) as [number, number, number];
  if (!RFC_3339.test(value) || day > new Date(Date.UTC(year, month, 0)).getUTCDate()) return undefined;
  const time = new Date(value);
  return time.getUTCFullYear() >= 0 && time.getUTCFullYear() <= 9999 ? time : undefined;
}

export const TimeParameter = (): PropertyDecorator =>
  field({
    schema: { type: 'string', format: 'date-time', example: '2026-11-01T00:00:00.000Z' },
    normalize: (value) => timeOf(value) ?? value,
    check: (value) =>
      value instanceof Date ? undefined : ['not_a_time', 'must be a time as in RFC 3339, such as 2026-11-01T00:00:00Z'],
  });

/** The largest id: MySQL's INT, which the tables came with. */
export const MAX_ID = 2 ** 31 - 1;
