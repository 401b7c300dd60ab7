import { type CustomerDto, UpdateCustomerDto } from '../customers/customer.dto.js';
import { type CustomerValues, required } from '../customers/customer-values.js';
import { escapePointer, type InvalidMember, Problem } from '../problems/problem.js';
import { trimBlanks } from '../text/characters.js';
import { validateDto } from '../validation/validate-dto.js';
import { splitFullName } from './full-names.js';
import type { FileRow } from './parsing/file-rows.js';
import type { PhoneNumbers } from './phone-numbers.js';

/** The members of a customer: whether a file can set them. The others, which an export writes, are ignored. */
const SETTABLE: Record<keyof CustomerDto, boolean> = {
  id: false,
  email: true,
  name: true,
  surname: true,
  phone: true,
  company: true,
  notes: true,
  photo: false,
  createdBy: false,
  lastModifiedBy: false,
  createdAt: false,
  lastModifiedAt: false,
  version: false,
  deletedAt: false,
  mergedInto: false,
};
const isIgnored = (name: string): boolean => Object.hasOwn(SETTABLE, name) && !SETTABLE[name as keyof CustomerDto];

/** Turns the rows of a file into values for customers, by the rules of the API. */
export class CustomerReader {
  constructor(
    private readonly phones: PhoneNumbers,
    private readonly isUpdate: boolean,
  ) {}

  /** Undefined if the row has no value at all. Throws a problem if it is invalid. */
  async read({ values, fullName, problem }: FileRow): Promise<CustomerValues | undefined> {
    if (problem) throw problem;
    const given = withoutEmpty(values);
    if (fullName !== undefined) addNames(given, fullName.trim());
    checkTexts(given);
    if (Object.keys(given).length === 0) return undefined;
    if (typeof given.phone === 'string') given.phone = this.phones.normalize(given.phone);
    // Google Contacts separates several e-mails so
    if (typeof given.email === 'string') given.email = given.email.split(' ::: ', 1)[0];
    const missing = (this.isUpdate ? ['email'] : ['email', 'name', 'surname']).filter((name) => !(name in given));
    return validate(given, missing);
  }
}

async function validate(given: Record<string, unknown>, missing: string[]): Promise<CustomerValues> {
  const errors = missing.map(required);
  try {
    const values = await validateDto(UpdateCustomerDto, given);
    if (errors.length === 0) return { ...values } as CustomerValues;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    errors.push(...(error.extras.errors ?? []));
  }
  throw Problem.invalid(errors);
}

/** An empty cell or null is no value. */
function withoutEmpty(values: Record<string, unknown>): Record<string, unknown> {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === null || value === '' || isIgnored(name)) continue;
    // the validation would not see members that objects inherit (CWE-1321)
    if (name in Object.prototype || name === 'prototype') throw unknownMember(name);
    // trimmed here, as blanks count for the maximum length of the API
    given[name] = typeof value === 'string' && name !== 'notes' ? trimBlanks(value) : value;
  }
  return given;
}

const unknownMember = (name: string): Problem =>
  Problem.invalid([{ pointer: `/${escapePointer(name)}`, code: 'unknown_member', message: 'Unknown member.' }]);

/** NUL ends strings in programs written in C; lone surrogates are not valid Unicode and cannot be stored. */
function checkTexts(values: Record<string, unknown>): void {
  const errors = Object.entries(values)
    .filter(([, value]) => typeof value === 'string' && (value.includes('\0') || !value.isWellFormed()))
    .map(([name]): InvalidMember => ({
      pointer: `/${escapePointer(name.toWellFormed())}`,
      code: 'invalid_text',
      message: 'Must be Unicode text without NUL or lone surrogates.',
    }));
  if (errors.length > 0) throw Problem.invalid(errors);
}

/** Names in columns of their own come first. */
function addNames(values: Record<string, unknown>, full: string): void {
  const { name, surname } = values;
  if (typeof name !== 'string')
    Object.assign(values, { ...splitFullName(full), ...(surname !== undefined && { surname }) });
  // beside a column for the first name, the full name starts with it, or is the surname alone
  else if (surname === undefined && full !== name.trim())
    values.surname = full.startsWith(`${name.trim()} `) ? full.slice(name.trim().length) : full;
}
