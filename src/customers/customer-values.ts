import { type InvalidMember, Problem } from '../problems/problem.js';
import type { CreateCustomerDto } from './customer.dto.js';

/** Valid values of a customer that may exist: only a new one needs its names. */
export type CustomerValues = Pick<CreateCustomerDto, 'email'> & Partial<CreateCustomerDto>;

/** What becomes of values whose e-mail an active customer has. */
export type OnConflict = 'skip' | 'update' | 'fail';

/** What became of them; a problem if they were refused. */
export type Outcome = 'created' | 'updated' | 'skipped' | Problem;

export const required = (name: string): InvalidMember => ({
  pointer: `/${name}`,
  code: 'required',
  message: 'This value is required.',
});

/**
 * What to do with values, given the active customer with their e-mail. `update` sets what differs; a value that is not
 * given changes nothing.
 */
export function decide(
  existing: CustomerValues | undefined,
  values: CustomerValues,
  onConflict: OnConflict,
): 'create' | 'update' | 'skip' | Problem {
  if (!existing) {
    const missing = (['name', 'surname'] as const).filter((name) => values[name] === undefined);
    return missing.length > 0 ? Problem.invalid(missing.map(required)) : 'create';
  }
  if (onConflict === 'fail') return new Problem('email_taken');
  return onConflict === 'update' && Object.keys(changesOf(existing, values)).length > 0 ? 'update' : 'skip';
}

export function changesOf(existing: CustomerValues, { email: _, ...values }: CustomerValues): Partial<CustomerValues> {
  const entries = Object.entries(values) as Array<[keyof CustomerValues, string | null | undefined]>;
  return Object.fromEntries(entries.filter(([name, value]) => value !== undefined && existing[name] !== value));
}

/** Without the other columns of a row. */
export const valuesOf = ({ email, name, surname, phone, company, notes }: CustomerValues): CustomerValues => ({
  email,
  name,
  surname,
  phone,
  company,
  notes,
});
