import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { Clock } from '../config/clock.js';
import { Secrets } from '../config/secrets.js';
import { isConflict, isDuplicate } from '../database/database-errors.js';
import { toSqlTime } from '../database/dialect.js';
import { DirectQueries } from '../database/direct-queries.js';
import { deleteExpired, Housekeeping } from '../database/housekeeping.js';
import { Problem } from '../problems/problem.js';
import { IdempotencyRecord } from './idempotency-record.entity.js';
import type { Resource, Versioned } from './resource.js';
import { Transactions } from './transactions.js';
import type { IdempotentRequest, WriteContext } from './write-context.js';

const RETENTION_MS = 24 * 60 * 60 * 1000;

const CLAIM = 'INSERT INTO idempotency_records (user_id, key_hash, request_hash, expires_at) VALUES (?, ?, ?, ?)';
const STORE =
  'UPDATE idempotency_records SET answer = ?, resource = ?, resource_id = ?, related_id = ? WHERE user_id = ? AND key_hash = ?';

// two statements, as each column has its own index
const ERASE = ['resource_id', 'related_id'].map(
  (column) => `UPDATE idempotency_records SET answer = NULL WHERE resource = ? AND ${column} = ?`,
);
const UNNAMED = `SELECT user_id AS userId, key_hash AS keyHash, answer FROM idempotency_records
  WHERE resource IS NULL AND answer IS NOT NULL`;
const ERASE_UNNAMED = 'UPDATE idempotency_records SET answer = NULL WHERE user_id = ? AND key_hash = ?';

/** An answer, and the rows it is about: an erased person's stored answers can be found by them. */
export interface StoredAnswer<Answer> {
  resource: Resource<Versioned>['name'];
  resourceId: number;
  /** Another row whose fields the answer contains. */
  relatedId?: number;
  answer: Answer;
}

type RecordId = Pick<IdempotencyRecord, 'userId' | 'keyHash'>;

/** The key is in use: roll back, and look up the answer of the first request. */
class KeyInUseError extends Error {}

/** Returns the first answer to a request that is retried (draft-ietf-httpapi-idempotency-key-header). */
@Injectable()
export class Idempotency {
  constructor(
    @InjectRepository(IdempotencyRecord) private readonly records: Repository<IdempotencyRecord>,
    private readonly queries: DirectQueries,
    private readonly transactions: Transactions,
    private readonly secrets: Secrets,
    private readonly clock: Clock,
    housekeeping: Housekeeping,
  ) {
    housekeeping.hourly(() => deleteExpired(this.records, this.clock.now()));
  }

  /**
   * Runs `work` in a transaction that also stores its answer. The key is claimed first, by inserting it: of requests
   * that arrive together, the others wait for the first to commit and then get its answer.
   */
  async runOnce<Answer>(
    { idempotency, actorId }: WriteContext,
    work: (manager: EntityManager) => Promise<StoredAnswer<Answer>>,
  ): Promise<Answer> {
    if (!idempotency || actorId === null) return this.transactions.run(async (manager) => (await work(manager)).answer);
    const id = { userId: actorId, keyHash: createHash('sha256').update(idempotency.key).digest('hex') };
    for (;;) {
      let isClaimed = false;
      try {
        return await this.transactions.run(async (manager) => {
          isClaimed = false;
          await this.claim(manager, id, idempotency);
          isClaimed = true;
          const stored = await work(manager);
          await this.store(manager, id, stored);
          return stored.answer;
        });
      } catch (error) {
        // requests that wait for one that is rolled back may deadlock each other
        if (!isClaimed && isConflict(error)) throw new Problem('idempotency_in_progress');
        if (!(error instanceof KeyInUseError)) throw error;
      }
      const replay = await this.findAnswer<Answer>(id, idempotency);
      if (replay) return replay.answer;
    }
  }

  /** Removes the stored answers about erased rows. Their keys remain: a retry must not repeat the request. */
  async eraseAnswers(
    manager: EntityManager,
    resource: StoredAnswer<unknown>['resource'],
    ids: number[],
  ): Promise<void> {
    for (const id of ids) for (const sql of ERASE) await this.queries.writeIn(manager, sql, [resource, id]);
    await this.eraseUnnamed(manager, new Set(ids));
  }

  /** Records of version 0.1 do not name the row that they are about; its id is in the answer. */
  private async eraseUnnamed(manager: EntityManager, ids: ReadonlySet<number>): Promise<void> {
    const unnamed = await this.queries.executeIn<RecordId & { answer: string }>(manager, UNNAMED, []);
    for (const { userId, keyHash, answer } of unnamed) {
      const opened = this.secrets.open('idempotency', answer);
      if (opened !== undefined && ids.has((JSON.parse(opened) as { id: number }).id))
        await this.queries.writeIn(manager, ERASE_UNNAMED, [userId, keyHash]);
    }
  }

  private async claim(
    manager: EntityManager,
    { userId, keyHash }: RecordId,
    { request }: IdempotentRequest,
  ): Promise<void> {
    // keyed: the request may contain a password, and a plain hash could be attacked by guessing it
    const requestHash = this.secrets.sign('idempotency-request', request).toString('hex');
    const expiresAt = new Date(this.clock.now().getTime() + RETENTION_MS);
    try {
      await this.queries.writeIn(manager, CLAIM, [userId, keyHash, requestHash, toSqlTime(expiresAt)]);
    } catch (error) {
      if (isDuplicate(error)) throw new KeyInUseError();
      throw error;
    }
  }

  private async store(
    manager: EntityManager,
    { userId, keyHash }: RecordId,
    { resource, resourceId, relatedId, answer }: StoredAnswer<unknown>,
  ): Promise<void> {
    const sealed = this.secrets.seal('idempotency', JSON.stringify(answer));
    await this.queries.writeIn(manager, STORE, [sealed, resource, resourceId, relatedId ?? null, userId, keyHash]);
  }

  /** Undefined if the key is free again: the first request was rolled back, or its record has expired. */
  private async findAnswer<Answer>(
    id: RecordId,
    { request, onReplay }: IdempotentRequest,
  ): Promise<{ answer: Answer } | undefined> {
    const record = await this.records.findOneBy(id);
    if (!record) return undefined;
    if (record.expiresAt <= this.clock.now()) {
      await this.records.delete({ ...id, expiresAt: record.expiresAt });
      return undefined;
    }
    const isSame = this.secrets.verifies('idempotency-request', Buffer.from(record.requestHash, 'hex'), request);
    if (isSame && record.answer === null) throw new Problem('customer_erased');
    const opened = isSame ? this.secrets.open('idempotency', record.answer ?? '') : undefined;
    if (opened === undefined) throw new Problem('idempotency_key_reused');
    onReplay();
    return { answer: JSON.parse(opened) as Answer };
  }
}
