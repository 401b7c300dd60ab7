import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Clock } from '../config/clock.js';
import type { Action } from '../history/actions.js';
import type { Changes } from '../history/history.entity.js';
import { HistoryService } from '../history/history.service.js';
import { Problem } from '../problems/problem.js';
import { Idempotency } from './idempotency.js';
import type { NewRow, Resource, RowChange, Versioned } from './resource.js';
import { Transactions, VersionRaceError } from './transactions.js';
import { includesVersion, type VersionCondition } from './version-condition.js';
import type { WriteContext } from './write-context.js';

export interface Change<Row> {
  /** As the history names it. */
  action: Action;
  /** Other versions are refused with `version_conflict`. Undefined: any version. */
  expectedVersion?: VersionCondition;
  /** Whether a deleted row is found as well. */
  includeDeleted?: boolean;
  /** Whether to write a new version even if no value differs. */
  always?: boolean;
  /** Whether the history must not record the fields before and after the change. */
  isErasure?: boolean;
  /**
   * The new values of some columns; if none of them differs, nothing is written. `now` is the time of the new version. Runs
   * again after a lost race.
   */
  set: (row: Row, manager: EntityManager, now: Date) => Partial<Row> | Promise<Partial<Row>>;
  /** Runs in the same transaction after the update, with the row as it is then. */
  afterUpdate?: (row: Row, manager: EntityManager) => Promise<void>;
}

/**
 * The one way a change of a customer or user reaches the database: a transaction with the row, its history and the
 * record of the Idempotency-Key, so that there is never one without the others. `createIn` and `updateIn` are the
 * primitives for a transaction that does more.
 */
@Injectable()
export class ResourceWriter {
  constructor(
    private readonly transactions: Transactions,
    private readonly idempotency: Idempotency,
    private readonly history: HistoryService,
    private readonly clock: Clock,
  ) {}

  /** Creates a row once per Idempotency-Key. `answer` is stored under the key and returned to retries. */
  create<Row extends Versioned, Answer>(
    resource: Resource<Row>,
    context: WriteContext,
    values: NewRow<Row>,
    answer: (row: Row) => Answer,
  ): Promise<Answer> {
    return this.idempotency.runOnce(context, async (manager) => {
      const row = await this.createIn(manager, resource, context, values);
      return { resource: resource.name, resourceId: row.id, answer: answer(row) };
    });
  }

  async createIn<Row extends Versioned>(
    manager: EntityManager,
    resource: Resource<Row>,
    { actorId, requestId }: WriteContext,
    values: NewRow<Row>,
  ): Promise<Row> {
    const row = this.firstVersion(resource, actorId, values);
    row.id = await resource.table.insert(manager, row);
    await this.finish(manager, resource, requestId, 'created', [{ after: row }]);
    return row;
  }

  /**
   * Creates many rows with a few statements. Their e-mails differ from each other; one that an active row has fails all
   * of them with the database's error, after which the transaction has to be rolled back.
   */
  async createManyIn<Row extends Versioned & { email: string | null }>(
    manager: EntityManager,
    resource: Resource<Row>,
    { actorId, requestId }: WriteContext,
    values: Array<NewRow<Row>>,
  ): Promise<Row[]> {
    const rows = values.map((value) => this.firstVersion(resource, actorId, value));
    await resource.table.insertMany(manager, rows);
    const ids = await resource.table.idsByEmail(
      manager,
      rows.map(({ email }) => email!),
    );
    for (const row of rows) row.id = ids.get(row.email!)!;
    await this.finish(
      manager,
      resource,
      requestId,
      'created',
      rows.map((after) => ({ after })),
    );
    return rows;
  }

  private firstVersion<Row extends Versioned>(
    { derivedData }: Resource<Row>,
    actorId: number | null,
    values: NewRow<Row>,
  ): Row {
    const now = this.clock.now();
    const row = {
      ...values,
      version: 1,
      isDeleted: false,
      deletedAt: null,
      createdBy: actorId,
      createdAt: now,
      lastModifiedBy: actorId,
      lastModifiedAt: now,
    } as unknown as Row;
    return { ...row, ...derivedData?.columns(row) };
  }

  /** The row after the change. */
  update<Row extends Versioned>(
    resource: Resource<Row>,
    context: WriteContext,
    id: number,
    change: Change<Row>,
  ): Promise<Row> {
    return this.transactions.run((manager) => this.updateIn(manager, resource, context, id, change));
  }

  async updateIn<Row extends Versioned>(
    manager: EntityManager,
    resource: Resource<Row>,
    { actorId, requestId, onVersion }: WriteContext,
    id: number,
    { action, expectedVersion, includeDeleted, always, isErasure, set, afterUpdate }: Change<Row>,
  ): Promise<Row> {
    const before = await resource.table.lockById(manager, id);
    if (before) resource.refuseErased?.(before);
    if (!before || (before.isDeleted && !includeDeleted)) throw new Problem(resource.notFound);
    if (expectedVersion && !includesVersion(expectedVersion, before.version))
      throw new Problem('version_conflict', undefined, { currentVersion: before.version });

    const now = this.clock.now();
    const values = await set(before, manager, now);
    const isUnchanged = Object.entries(values).every(([name, value]) => before[name as keyof Row] === value);
    if (isUnchanged && !always) {
      onVersion?.(before.version);
      return before;
    }

    const audit = { version: before.version + 1, lastModifiedBy: actorId, lastModifiedAt: now };
    const changed = { ...before, ...values, ...audit };
    const after = { ...changed, ...resource.derivedData?.columns(changed) };
    // the row lock does not exclude writers on other nodes of a Galera cluster: the version decides
    if (!(await resource.table.updateVersion(manager, after, before.version))) throw new VersionRaceError();
    await this.finish(manager, resource, requestId, action, [{ before, after }], isErasure);
    await afterUpdate?.(after, manager);
    onVersion?.(after.version);
    return after;
  }

  private async finish<Row extends Versioned>(
    manager: EntityManager,
    resource: Resource<Row>,
    requestId: string | null,
    action: Action,
    changes: Array<RowChange<Row>>,
    isErasure = false,
  ): Promise<void> {
    const entries = changes.map(({ before, after }) => {
      const state = isErasure ? null : resource.auditedFields(after);
      return {
        resource: resource.name,
        resourceId: after.id,
        version: after.version,
        action,
        by: after.lastModifiedBy,
        at: after.lastModifiedAt!,
        requestId,
        changes: state ? difference(before ? resource.auditedFields(before) : {}, state) : {},
        state,
        sequence: null,
      };
    });
    // one after the other on the transaction's connection, without waiting in between
    await Promise.all([this.history.record(manager, entries), resource.derivedData?.write(manager, changes)]);
    if (resource.afterWrite) for (const { before, after } of changes) await resource.afterWrite(before, after, manager);
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
