import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ValidateBy, ValidateIf } from 'class-validator';
import type { MemberErrorCode } from '../problems/catalog.js';
import { codePointOf, findDisruptive, findInvisible, isVisible, trimBlanks } from '../text/characters.js';
import { EMAIL, emailError, normalizeEmail } from '../text/email.js';
import { preparePassword } from '../text/password.js';
import { E164, MAX_PHONE_LENGTH, normalizePhone, PHONE } from '../text/phone.js';
import { isCommonPassword, TOO_COMMON } from './common-passwords.js';

/** Why a value is invalid: a stable code, and a sentence for people. */
export type FieldError = [code: MemberErrorCode, message: string];

interface Field {
  schema: ApiPropertyOptions;
  /** Runs before the check: values that count as equal become equal. */
  normalize?: (value: string) => unknown;
  check: (value: unknown, dto: object) => FieldError | undefined;
}

/** One decorator for the schema, the normalization and the validation of a member. */
function field({ schema, normalize, check }: Field): PropertyDecorator {
  return applyDecorators(
    // explicit, as the reflected type of a `string | null` member is Object
    ApiProperty({ type: String, ...schema }),
    Transform(({ value }: { value: unknown }) => (typeof value === 'string' && normalize ? normalize(value) : value)),
    ValidateBy({
      name: 'field',
      validator: {
        validate: (value, args) => check(value, args?.object ?? {}) === undefined,
        // "code message"; the validation pipe splits them
        defaultMessage: (args) => check(args?.value, args?.object ?? {})?.join(' ') ?? '',
      },
    }),
  );
}

/** For patterns of the OpenAPI, with what every regular expression engine has. Contexts cannot be expressed so. */
const CONTROL_CLASS = '\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029';
const INVISIBLE_CLASS =
  '\\x00-\\x1f\\x7f-\\xa0\\xad\\u1680\\u2000-\\u200b\\u200e\\u200f\\u2028-\\u202f\\u205f-\\u206f\\u3000\\ufeff\\ufff9-\\ufffd';
const DISRUPTIVE_CLASS = '\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ufffd';

/** The member may be missing, but not null. `IsOptional` allows both. */
export const OptionalNotNull = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);

/** MySQL's VARCHAR(n) counts code points; JavaScript's `length` counts UTF-16 code units. */
const codePoints = (text: string): number => {
  let count = 0;
  for (const _ of text) count++;
  return count;
};

const lengthOf = (value: unknown, min: number, max: number): FieldError | undefined => {
  if (typeof value !== 'string') return ['not_a_string', 'Must be a string.'];
  // n code units have at least n / 2 code points: a far too long string need not be counted
  const length = value.length > 2 * max ? Infinity : codePoints(value);
  if (length < min)
    return min === 1 ? ['empty', 'Must not be empty.'] : ['too_short', `Must have at least ${min} characters.`];
  if (length > max) return ['too_long', `Must have at most ${max} characters.`];
  return undefined;
};

/** Blanks count for the maximum, so that the schema can state it. */
const trimUpTo =
  (max: number) =>
  (text: string): string =>
    lengthOf(text, 0, max) ? text : trimBlanks(text);

// C0 and C1 controls, line and paragraph separators
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** For the OpenAPI: a character that is no blank, and between blanks none of a class, which contains them except U+0020. */
const trimmedPattern = (refused: string): string => `^[\\t-\\r ]*[^${refused} ][^${refused}]*[\\t-\\r ]*$`;

/** One line of 1 to `max` characters, trimmed: a parameter that is only compared. */
export const SingleLine = (max: number, check?: (text: string) => FieldError | undefined): PropertyDecorator =>
  field({
    schema: { minLength: 1, maxLength: max, pattern: trimmedPattern(CONTROL_CLASS) },
    normalize: trimUpTo(max),
    check: (value) =>
      lengthOf(value, 1, max) ??
      (CONTROLS.test(value as string) ? ['invalid_text', 'Must be one line without control characters.'] : undefined) ??
      check?.(value as string),
  });

/** A name that is stored: one line of 1 to `max` characters, trimmed, all of them visible. */
export const Name = (max: number): PropertyDecorator =>
  field({
    schema: { minLength: 1, maxLength: max, pattern: trimmedPattern(INVISIBLE_CLASS) },
    normalize: trimUpTo(max),
    check: (value) => lengthOf(value, 1, max) ?? nameErrorOf(value as string),
  });

function nameErrorOf(name: string): FieldError | undefined {
  const character = findInvisible(name);
  if (character) return ['invalid_text', `Must be one line of visible text, but contains ${codePointOf(character)}.`];
  return isVisible(name) ? undefined : ['invalid_text', 'Must contain a visible character.'];
}

/** Text of at most `max` characters; line breaks and tabs are allowed. */
export const MultiLine = (max: number): PropertyDecorator =>
  field({
    schema: { maxLength: max, pattern: `^[^${DISRUPTIVE_CLASS}]*$` },
    check: (value) => lengthOf(value, 0, max) ?? textErrorOf(value as string),
  });

function textErrorOf(text: string): FieldError | undefined {
  const character = findDisruptive(text);
  return character === undefined
    ? undefined
    : ['invalid_text', `Must not have control characters, but contains ${codePointOf(character)}.`];
}

export const Email = (): PropertyDecorator =>
  field({
    schema: { format: 'email', pattern: EMAIL.source, maxLength: 120, example: 'ana.maria@example.com' },
    normalize: (value) => (lengthOf(value, 0, 120) ? value : normalizeEmail(value)),
    check: (value) => lengthOf(value, 1, 120) ?? emailErrorOf(value as string),
  });

function emailErrorOf(email: string): FieldError | undefined {
  const error = emailError(email);
  return error === undefined ? undefined : ['invalid_email', `M${error.slice(1)}.`];
}

export const Phone = (): PropertyDecorator =>
  field({
    schema: { pattern: PHONE.source, maxLength: MAX_PHONE_LENGTH, example: '+34600123456' },
    normalize: normalizePhone,
    check: (value) =>
      typeof value === 'string' && E164.test(value)
        ? undefined
        : ['invalid_phone', 'Must be an international phone number with + and the country code, such as +34600123456.'],
  });

const MAX_PASSWORD = 128;
/** Code units that are prepared at all: a decomposed letter has up to four. */
const MAX_TYPED_PASSWORD = 8 * MAX_PASSWORD;

const prepared = (value: string): string => (value.length > MAX_TYPED_PASSWORD ? value : preparePassword(value));

/**
 * NIST SP 800-63B, 3.1.1.2: a minimum length, a list of common passwords, no composition rules, no truncation. The rules
 * apply to the prepared form. If the DTO has an e-mail, the password must not be made of it.
 */
export const NewPassword = (): PropertyDecorator =>
  field({
    schema: {
      format: 'password',
      minLength: 8,
      maxLength: MAX_PASSWORD,
      pattern: '^[^\\x00-\\x1f\\x7f-\\x9f]*$',
      example: 'correct horse battery',
    },
    normalize: prepared,
    check: (value, dto) =>
      lengthOf(value, 8, MAX_PASSWORD) ?? passwordErrorOf(value as string, (dto as { email?: unknown }).email),
  });

function passwordErrorOf(password: string, email: unknown): FieldError | undefined {
  const character = findInvisible(password);
  if (character)
    return ['invalid_text', `Must consist of characters that can be typed, but contains ${codePointOf(character)}.`];
  return isCommonPassword(password, email) ? TOO_COMMON : undefined;
}

/** A password to compare: as typed, because hashes from before passwords were prepared verify only that. */
export const CurrentPassword = (): PropertyDecorator =>
  field({
    schema: { format: 'password', minLength: 1, maxLength: MAX_PASSWORD, example: 'correct horse battery' },
    check: (value) => {
      const error = lengthOf(value, 1, MAX_PASSWORD);
      return error && typeof value === 'string' ? lengthOf(prepared(value), 1, MAX_PASSWORD) : error;
    },
  });

/** A string that is only compared, such as a token: no normalization and no other rules. */
export const RawString = (max: number, schema: Pick<ApiPropertyOptions, 'format'> = {}): PropertyDecorator =>
  field({ schema: { minLength: 1, maxLength: max, ...schema }, check: (value) => lengthOf(value, 1, max) });

/** A cursor: who opens it reports every mistake in the same way. */
export const Cursor = (): PropertyDecorator =>
  field({
    schema: { minLength: 1, maxLength: 1000, pattern: '^[\\w-]+$' },
    check: (value) => lengthOf(value, 1, 1000),
  });

export const MatchesPattern = (pattern: RegExp, message: string): PropertyDecorator =>
  field({
    schema: { pattern: pattern.source },
    check: (value) => (typeof value === 'string' && pattern.test(value) ? undefined : ['not_allowed', message]),
  });

export const IsOneOf = (...allowed: string[]): PropertyDecorator =>
  field({
    schema: { enum: allowed },
    check: (value) =>
      allowed.includes(value as string) ? undefined : ['not_allowed', `Must be one of: ${allowed.join(', ')}.`],
  });

/** An integer in a query string: decimal digits only, no sign, exponent or hexadecimal. */
export const IntegerParameter = (min: number, max: number): PropertyDecorator =>
  field({
    schema: { type: 'integer', minimum: min, maximum: max },
    normalize: (value) => (/^(0|[1-9]\d{0,9})$/.test(value) ? Number(value) : value),
    check: (value) =>
      typeof value === 'number' && value >= min && value <= max
        ? undefined
        : ['not_in_range', `Must be an integer from ${min} to ${max}.`],
  });

/** An integer in a JSON body. */
export const Integer = (min: number, max: number): PropertyDecorator =>
  field({
    schema: { type: 'integer', minimum: min, maximum: max },
    check: (value) =>
      Number.isInteger(value) && (value as number) >= min && (value as number) <= max
        ? undefined
        : ['not_in_range', `Must be an integer from ${min} to ${max}.`],
  });

export const BooleanParameter = (): PropertyDecorator =>
  field({
    schema: { type: 'boolean' },
    normalize: (value) => (value === 'true' ? true : value === 'false' ? false : value),
    check: (value) => (typeof value === 'boolean' ? undefined : ['not_a_boolean', 'Must be true or false.']),
  });

/** RFC 3339, section 5.6: `T` and `Z` may be lower case, the fraction has any length, and second 60 is a leap second. */
const RFC_3339 =
  /^(\d{4})-(0[1-9]|1[0-2])-(\d\d)T([01]\d|2[0-3]):([0-5]\d):([0-5]\d|60)(\.\d+)?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;
const MAX_TIME_LENGTH = 64;

/** Digits beyond milliseconds are cut off. JavaScript alone accepts 30 February and hour 24. */
function timeOf(value: string): Date | undefined {
  const parts = value.length <= MAX_TIME_LENGTH ? RFC_3339.exec(value) : null;
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second, fraction = '', zone] = parts as unknown as [string, ...string[]];
  const lastDay = new Date(`${year}-${month}-01T00:00:00Z`);
  lastDay.setUTCMonth(lastDay.getUTCMonth() + 1, 0);
  if (Number(day) < 1 || Number(day) > lastDay.getUTCDate()) return undefined;
  const isLeapSecond = second === '60';
  const seconds = isLeapSecond ? '59' : `${second}${fraction}`;
  // POSIX time, like the databases, has no leap seconds: it counts as the second after it
  const time = new Date(
    Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${seconds}${zone}`) + (isLeapSecond ? 1000 : 0),
  );
  if (isLeapSecond && !/-01T00:00:00/.test(time.toISOString())) return undefined;
  // a UTC offset may lead to a year that no database can store
  return time.getUTCFullYear() >= 0 && time.getUTCFullYear() <= 9999 ? time : undefined;
}

export const TimeParameter = (): PropertyDecorator =>
  field({
    schema: { type: 'string', format: 'date-time', example: '2026-11-01T00:00:00.000Z' },
    normalize: (value) => timeOf(value) ?? value,
    check: (value) =>
      value instanceof Date ? undefined : ['not_a_time', 'Must be an RFC 3339 time, such as 2026-11-01T00:00:00Z.'],
  });

/** The largest MySQL INT, the type of all id columns. */
export const MAX_ID = 2 ** 31 - 1;
