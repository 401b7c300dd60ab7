import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { type Dialect, dialectOf, forceIndex } from '../database/dialect.js';
import { DirectQueries, type SqlValue } from '../database/direct-queries.js';
import { keyOf } from '../search/fold.js';
import { mailboxOf } from '../search/mailbox.js';
import type { Customer } from './customer.entity.js';
import { CustomersService } from './customers.service.js';

const MAX_DUPLICATES = 20;
/** Read for each reason. Of a larger group, such as a common name, only those that share more with the customer count. */
const MAX_CANDIDATES = 100;

/** Adds up to 1. Names are shared by strangers more often than the others. */
const WEIGHTS = { phone: 0.4, name: 0.2, email: 0.4 };

export type DuplicateReason = keyof typeof WEIGHTS;

export interface Duplicate {
  customer: Customer;
  score: number;
  reasons: DuplicateReason[];
}

/** What customers are compared by. Null and empty values equal nothing. */
interface Keys {
  phone: string | null;
  nameKey: string;
  surnameKey: string;
  emailKey: string | null;
}

type Candidate = Keys & { id: number };

const SELECT = `SELECT id, phone, name_key AS nameKey, surname_key AS surnameKey, email_key AS emailKey FROM customers`;

/**
 * Conditions with the index that contains their rows in the order of ids, so that reading stops at the limit. Without it,
 * optimizers take the index on `is_deleted` for a common name or phone number, and walk through all customers.
 */
const BY_PHONE = { index: 'ix_customers_is_deleted_phone', condition: 'is_deleted = 0 AND phone = ?' };
const BY_NAME = {
  index: 'ix_customers_surname_key_name_key',
  condition: 'surname_key = ? AND name_key = ? AND is_deleted = 0',
};
const BY_EMAIL = { index: 'ix_customers_email_key', condition: 'email_key = ? AND is_deleted = 0' };
const BY_PHONE_AND_NAME = { ...BY_PHONE, condition: `${BY_PHONE.condition} AND surname_key = ? AND name_key = ?` };

/** Finds customers that may be the same person, by keys that the write path keeps in indexes. */
@Injectable()
export class CustomerDuplicatesService {
  private readonly dialect: Dialect;

  constructor(
    private readonly customers: CustomersService,
    private readonly queries: DirectQueries,
    dataSource: DataSource,
  ) {
    this.dialect = dialectOf(dataSource);
  }

  /** Best first. */
  async list(id: number): Promise<Duplicate[]> {
    const customer = await this.customers.get(id);
    const keys = keysOf(customer);
    const found = (await this.findCandidates(keys))
      .filter((candidate) => candidate.id !== id)
      .map((candidate) => ({ id: candidate.id, ...compare(keys, candidate) }))
      .toSorted((a, b) => b.score - a.score || a.id - b.id)
      .slice(0, MAX_DUPLICATES);
    const duplicates = found.map(async ({ id, score, reasons }) => {
      const customer = await this.customers.find(id);
      // deleted since the candidates were read
      return !customer || customer.isDeleted ? [] : [{ customer, score, reasons }];
    });
    return (await Promise.all(duplicates)).flat();
  }

  private async findCandidates({ phone, nameKey, surnameKey, emailKey }: Keys): Promise<Candidate[]> {
    const hasName = nameKey !== '' || surnameKey !== '';
    const [byPhone, byName, byEmail] = await Promise.all([
      phone === null ? [] : this.select(BY_PHONE, [phone]),
      hasName ? this.select(BY_NAME, [surnameKey, nameKey]) : [],
      emailKey === null ? [] : this.select(BY_EMAIL, [emailKey]),
    ]);
    const areCut = [byPhone, byName].every(({ length }) => length === MAX_CANDIDATES);
    const byBoth = areCut ? await this.select(BY_PHONE_AND_NAME, [phone, surnameKey, nameKey]) : [];
    const candidates = [...byPhone, ...byName, ...byEmail, ...byBoth];
    return [...new Map(candidates.map((candidate) => [candidate.id, candidate])).values()];
  }

  private select({ index, condition }: typeof BY_PHONE, values: SqlValue[]): Promise<Candidate[]> {
    const hint = forceIndex(this.dialect, index);
    return this.queries.query(`${SELECT} ${hint} WHERE ${condition} ORDER BY id LIMIT ${MAX_CANDIDATES}`, values);
  }
}

const keysOf = ({ phone, name, surname, email }: Customer): Keys => ({
  phone: phone || null,
  nameKey: keyOf(name),
  surnameKey: keyOf(surname),
  emailKey: mailboxOf(email),
});

function compare(keys: Keys, other: Keys): Pick<Duplicate, 'score' | 'reasons'> {
  const isSame: Record<DuplicateReason, boolean> = {
    phone: keys.phone !== null && keys.phone === other.phone,
    name:
      (keys.nameKey !== '' || keys.surnameKey !== '') &&
      keys.nameKey === other.nameKey &&
      keys.surnameKey === other.surnameKey,
    email: keys.emailKey !== null && keys.emailKey === other.emailKey,
  };
  const reasons = (Object.keys(WEIGHTS) as DuplicateReason[]).filter((reason) => isSame[reason]);
  const score = reasons.reduce((sum, reason) => sum + WEIGHTS[reason] * 10, 0) / 10;
  return { score, reasons };
}
