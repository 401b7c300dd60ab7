import { Injectable } from '@nestjs/common';
import type { EntityManager, EntityTarget, QueryDeepPartialEntity } from 'typeorm';
import { Problem, type ProblemCode } from '../problems/catalog.js';
import type { WriteContext } from '../http/request-context.js';
import { includesVersion } from '../http/etags.js';
import { Clock } from '../config/clock.js';
import { insertedId } from '../database/dialect.js';
import type { EntityTable } from '../database/entity-table.js';
import { type Changes, History } from '../history/history.entity.js';
import { Idempotency } from './idempotency.js';
import { VersionRaceError, Transactions } from './transactions.js';

/** What rows have that are written this way. */
export interface Versioned {
  id: number;
  version: number;
  isDeleted: boolean;
  deletedAt: Date | null;
  createdBy: number | null;
  createdAt: Date | null;
  lastModifiedBy: number | null;
  lastModifiedAt: Date | null;
}

/** The Flask service did not note when it deleted: it was the last thing it did to the row. */
export const deletedAtOf = (row: Pick<Versioned, 'isDeleted' | 'deletedAt' | 'lastModifiedAt'>): Date | null =>
  row.isDeleted ? (row.deletedAt ?? row.lastModifiedAt) : null;

/** A kind of rows, as the write path sees it. */
export interface Resource<Row extends Versioned> {
  name: 'customer' | 'user';
  entity: EntityTarget<Row>;
  table: EntityTable<Row>;
  notFound: ProblemCode;
  /** What the history compares: the fields as the API names them, nothing secret. */
  auditedFields: (row: Row) => Record<string, unknown>;
}

export interface Change<Row> {
  action: string;
  /** Whether deleted rows are found as well. */
  includeDeleted?: boolean;
  /** The new values of some columns; none of them different: nothing is written. Runs again if it was overtaken. */
  set: (row: Row, manager: EntityManager) => Partial<Row> | Promise<Partial<Row>>;
  /** What else happens or does not happen with it, given the row as it is afterwards. */
  afterUpdate?: (row: Row, manager: EntityManager) => Promise<void>;
}

/** What a service says of a new row; the rest is the write path's and the database's. */
type NewRow<Row extends Versioned> = Omit<Row, 'liveEmail' | keyof Versioned>;

/**
 * The one way a change of a customer or user reaches the database: one transaction with the row, its history and the
 * record of the Idempotency-Key, so that there is never one without the others.
 */
@Injectable()
export class ResourceWriter {
  constructor(
    private readonly transactions: Transactions,
    private readonly idempotency: Idempotency,
    private readonly clock: Clock,
  ) {}

  create<Row extends Versioned, Answer>(
    resource: Resource<Row>,
    context: WriteContext,
    values: NewRow<Row>,
    answer: (row: Row) => Answer,
  ): Promise<Answer> {
    return this.idempotency.runOnce(context, async (manager) => {
      const now = this.clock.now();
      const row = {
        ...values,
        version: 1,
        isDeleted: false,
        deletedAt: null,
        createdBy: context.actorId,
        createdAt: now,
        lastModifiedBy: context.actorId,
        lastModifiedAt: now,
      } as Row;
      const insert = manager.createQueryBuilder().insert().into(resource.entity).updateEntity(false);
      const result = await insert.values(row as QueryDeepPartialEntity<Row>).execute();
      row.id = insertedId(result);
      await this.record(manager, resource, context, 'created', row, difference({}, resource.auditedFields(row)));
      return answer(row);
    });
  }

  /** The row as it is afterwards. */
  update<Row extends Versioned>(
    resource: Resource<Row>,
    context: WriteContext,
    id: number,
    change: Change<Row>,
  ): Promise<Row> {
    return this.transactions.run((manager) => this.updateIn(manager, resource, context, id, change));
  }

  /** As `change`, in a transaction that does more. */
  async updateIn<Row extends Versioned>(
    manager: EntityManager,
    resource: Resource<Row>,
    context: WriteContext,
    id: number,
    { action, includeDeleted, set, afterUpdate }: Change<Row>,
  ): Promise<Row> {
    const before = await resource.table.lockById(manager, id);
    if (!before || (before.isDeleted && !includeDeleted)) throw new Problem(resource.notFound);
    if (context.ifMatch && !includesVersion(context.ifMatch, before.version))
      throw new Problem('version_conflict', undefined, { currentVersion: before.version });

    const values = await set(before, manager);
    const isSame = Object.entries(values).every(([name, value]) => before[name as keyof Row] === value);
    if (isSame) return before;

    const audit = { version: before.version + 1, lastModifiedBy: context.actorId, lastModifiedAt: this.clock.now() };
    const after = { ...before, ...values, ...audit };
    const { affected } = await manager
      .createQueryBuilder()
      .update(resource.entity)
      .set({ ...values, ...audit } as QueryDeepPartialEntity<Row>)
      .where('id = :id AND version = :version', { id, version: before.version })
      .updateEntity(false)
      .execute();
    // the lock does not exclude writers on other nodes of a cluster: the version is the judge
    if (affected !== 1) throw new VersionRaceError();
    const changes = difference(resource.auditedFields(before), resource.auditedFields(after));
    await this.record(manager, resource, context, action, after, changes);
    await afterUpdate?.(after, manager);
    return after;
  }

  private async record<Row extends Versioned>(
    manager: EntityManager,
    resource: Resource<Row>,
    { actorId, requestId }: WriteContext,
    action: string,
    { id, version, lastModifiedAt }: Row,
    changes: Changes,
  ): Promise<void> {
    const entry = {
      resource: resource.name,
      resourceId: id,
      version,
      action,
      by: actorId,
      requestId,
      at: lastModifiedAt!,
      changes,
    };
    await manager
      .createQueryBuilder()
      .insert()
      .into(History)
      .values(entry as QueryDeepPartialEntity<History>)
      .updateEntity(false)
      .execute();
  }
}

function difference(before: Record<string, unknown>, after: Record<string, unknown>): Changes {
  const changes: Changes = {};
  for (const [name, value] of Object.entries(after)) {
    const old = before[name] ?? null;
    if (old !== value) changes[name] = [old, value];
  }
  return changes;
}
