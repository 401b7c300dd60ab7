import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { databaseErrorKind } from '../database/database-errors.js';
import type { DiskMap } from '../database/disk-map.js';
import { retryPatiently } from '../database/patience.js';
import { NO_PHOTO } from '../photos/stored-photo.js';
import { toDatabaseProblem } from '../problems/database-problem.js';
import { Problem } from '../problems/problem.js';
import { normalizeEmail } from '../text/email.js';
import { ResourceWriter } from '../writes/resource-writer.js';
import { Transactions, VersionRaceError } from '../writes/transactions.js';
import type { WriteContext } from '../writes/write-context.js';
import type { Customer } from './customer.entity.js';
import { changesOf, type CustomerValues, decide, type OnConflict, type Outcome, valuesOf } from './customer-values.js';
import { CustomersService } from './customers.service.js';

/** Another writer took or freed one of the e-mails between our read and our write. */
const MAX_RACES = 3;

/** Writes many customers at once: one transaction for all of them, or, if that fails, one for each. */
@Injectable()
export class CustomerBatches {
  constructor(
    private readonly customers: CustomersService,
    private readonly writer: ResourceWriter,
    private readonly transactions: Transactions,
  ) {}

  /**
   * The outcome of each item, in their order. What is written is committed; if the database stays unavailable, some items
   * may be written although this throws.
   */
  async write(context: WriteContext, batch: CustomerValues[], onConflict: OnConflict): Promise<Outcome[]> {
    const outcomes = new Map<CustomerValues, Outcome>();
    for (const part of withoutRepetition(batch)) await this.writePatiently(context, part, onConflict, outcomes);
    return batch.map((values) => outcomes.get(values)!);
  }

  /** What `write` would return. `pretended` holds the customers that earlier calls would have written, by e-mail. */
  async preview(
    batch: CustomerValues[],
    onConflict: OnConflict,
    pretended: DiskMap<CustomerValues>,
  ): Promise<Outcome[]> {
    const stored = await this.findByEmails(batch.map(({ email }) => email));
    return batch.map((values) => {
      const existing = pretended.get(values.email) ?? stored.get(values.email);
      const decision = decide(existing, values, onConflict);
      if (decision instanceof Problem) return decision;
      if (decision === 'skip') return 'skipped';
      pretended.set(values.email, existing ? { ...valuesOf(existing), ...changesOf(existing, values) } : values);
      return decision === 'create' ? 'created' : 'updated';
    });
  }

  /** The active customers with these e-mails, by e-mail. */
  private async findByEmails(emails: string[]): Promise<Map<string, Customer>> {
    const rows = await this.customers.findByEmails(emails);
    return new Map(rows.map((customer) => [normalizeEmail(customer.email), customer]));
  }

  /** Waits for a database that restarts, or for rows that are locked. */
  private async writePatiently(
    context: WriteContext,
    part: CustomerValues[],
    onConflict: OnConflict,
    outcomes: Map<CustomerValues, Outcome>,
  ): Promise<void> {
    await retryPatiently(() => {
      const left = part.filter((values) => !outcomes.has(values));
      return this.writeTogether(context, left, onConflict, outcomes);
    }, isTemporary);
  }

  private async writeTogether(
    context: WriteContext,
    part: CustomerValues[],
    onConflict: OnConflict,
    outcomes: Map<CustomerValues, Outcome>,
  ): Promise<void> {
    try {
      await this.writeRacing(context, part, onConflict, outcomes);
    } catch (error) {
      if (isTemporary(error)) throw error;
      for (const values of part) await this.writeAlone(context, values, onConflict, outcomes);
    }
  }

  private async writeAlone(
    context: WriteContext,
    values: CustomerValues,
    onConflict: OnConflict,
    outcomes: Map<CustomerValues, Outcome>,
  ): Promise<void> {
    try {
      await this.writeRacing(context, [values], onConflict, outcomes);
    } catch (error) {
      const problem = error instanceof Problem ? error : toDatabaseProblem(error);
      if (!problem || isTemporary(error)) throw error;
      outcomes.set(values, problem);
    }
  }

  private async writeRacing(
    context: WriteContext,
    part: CustomerValues[],
    onConflict: OnConflict,
    outcomes: Map<CustomerValues, Outcome>,
  ): Promise<void> {
    for (let race = 0; ; race++) {
      try {
        return await this.writePart(context, part, onConflict, outcomes);
      } catch (error) {
        if (race === MAX_RACES || !isRace(error)) throw error;
      }
    }
  }

  private async writePart(
    context: WriteContext,
    part: CustomerValues[],
    onConflict: OnConflict,
    outcomes: Map<CustomerValues, Outcome>,
  ): Promise<void> {
    const existing = await this.findByEmails(part.map(({ email }) => email));
    const created: CustomerValues[] = [];
    const updated: Array<{ id: number; values: CustomerValues }> = [];
    const decided: Array<[CustomerValues, Outcome]> = [];
    for (const values of part) {
      const found = existing.get(values.email);
      const decision = decide(found, values, onConflict);
      if (decision === 'create') created.push(values);
      else if (decision === 'update') updated.push({ id: found!.id, values });
      else decided.push([values, decision === 'skip' ? 'skipped' : decision]);
    }
    if (created.length + updated.length > 0)
      await this.transactions.run(async (manager) => {
        if (created.length > 0) await this.createIn(manager, context, created);
        // in one order, so that two imports of the same customers do not deadlock
        for (const { id, values } of updated.sort((a, b) => a.id - b.id))
          await this.updateIn(manager, context, id, values);
      });
    for (const [values, outcome] of decided) outcomes.set(values, outcome);
    for (const values of created) outcomes.set(values, 'created');
    for (const { values } of updated) outcomes.set(values, 'updated');
  }

  private async createIn(manager: EntityManager, context: WriteContext, created: CustomerValues[]): Promise<void> {
    const rows = created.map(({ email, name, surname, phone, company, notes }) => ({
      email,
      name: name!,
      surname: surname!,
      phone: phone ?? null,
      company: company ?? null,
      notes: notes ?? null,
      ...NO_PHOTO,
    }));
    await this.writer.createManyIn(manager, this.customers.resource, context, rows);
  }

  private async updateIn(
    manager: EntityManager,
    context: WriteContext,
    id: number,
    values: CustomerValues,
  ): Promise<void> {
    await this.writer.updateIn(manager, this.customers.resource, context, id, {
      action: 'updated',
      set: (before) => {
        if (normalizeEmail(before.email) !== values.email) throw new VersionRaceError();
        return changesOf(before, values);
      },
    });
  }
}

/** Splits a batch so that no part contains an e-mail twice: what the second one meets, the first one has written. */
function withoutRepetition(batch: CustomerValues[]): CustomerValues[][] {
  const parts: CustomerValues[][] = [];
  const occurrences = new Map<string, number>();
  for (const values of batch) {
    const index = occurrences.get(values.email) ?? 0;
    occurrences.set(values.email, index + 1);
    (parts[index] ??= []).push(values);
  }
  return parts;
}

/** The e-mail of a row was taken, or the row was deleted or got another e-mail, since it was read. */
const isRace = (error: unknown): boolean =>
  databaseErrorKind(error) === 'duplicate' ||
  error instanceof VersionRaceError ||
  (error instanceof Problem && (error.code === 'customer_not_found' || error.code === 'customer_erased'));

/** The database cannot be reached, or the rows stay locked: none of them is at fault. */
const isTemporary = (error: unknown): boolean =>
  ['unavailable', 'conflict'].includes(databaseErrorKind(error) ?? '') || error instanceof VersionRaceError;
