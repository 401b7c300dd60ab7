import { createHash } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { Clock } from '../config/clock.js';
import { Secrets } from '../config/secrets.js';
import { isConflict, isDuplicate } from '../database/database-errors.js';
import { deleteExpired, Housekeeping } from '../database/housekeeping.js';
import { Problem } from '../problems/problem.js';
import { IdempotencyRecord } from './idempotency-record.entity.js';
import type { Resource, Versioned } from './resource.js';
import { Transactions } from './transactions.js';
import type { WriteContext } from './write-context.js';

const RETENTION_MS = 24 * 60 * 60 * 1000;

/** An answer, and the row it is about: an erased person's stored answers can be found by it. */
export interface StoredAnswer<Answer> {
  resource: Resource<Versioned>['name'];
  resourceId: number;
  answer: Answer;
}

/** The key is in use: roll back, and look up the answer of the first request. */
class KeyInUseError extends Error {}

/** Gives a request that is sent again the first answer again (draft-ietf-httpapi-idempotency-key-header). */
@Injectable()
export class Idempotency {
  constructor(
    @InjectRepository(IdempotencyRecord) private readonly records: Repository<IdempotencyRecord>,
    private readonly transactions: Transactions,
    private readonly secrets: Secrets,
    private readonly clock: Clock,
    housekeeping: Housekeeping,
  ) {
    housekeeping.hourly(() => deleteExpired(this.records, this.clock.now()));
  }

  /**
   * Runs `work` in a transaction that also keeps its answer. The key is claimed first, by inserting it: of requests
   * that arrive together, the others wait for the first to commit and then get its answer.
   */
  async runOnce<Answer>(
    context: WriteContext,
    work: (manager: EntityManager) => Promise<StoredAnswer<Answer>>,
  ): Promise<Answer> {
    const { idempotency, actorId } = context;
    if (!idempotency || actorId === null) return this.transactions.run(async (manager) => (await work(manager)).answer);
    const id = { userId: actorId, keyHash: createHash('sha256').update(idempotency.key).digest('hex') };
    // keyed: the request may hold a password, which a plain hash would give to whoever reads the table
    const requestHash = this.secrets.sign('idempotency-request', idempotency.request).toString('hex');
    for (;;) {
      let isClaimed = false;
      try {
        return await this.transactions.run(async (manager) => {
          isClaimed = false;
          await this.claim(manager, { ...id, requestHash });
          isClaimed = true;
          const { answer, ...row } = await work(manager);
          const sealed = this.secrets.seal('idempotency', JSON.stringify(answer));
          await manager.update(IdempotencyRecord, id, { ...row, answer: sealed });
          return answer;
        });
      } catch (error) {
        // those that wait for one that is rolled back may deadlock each other
        if (!isClaimed && isConflict(error)) throw new Problem('idempotency_in_progress');
        if (!(error instanceof KeyInUseError)) throw error;
      }
      const first = await this.records.findOneBy(id);
      if (!first) continue;
      if (first.expiresAt <= this.clock.now()) {
        await this.records.delete({ ...id, expiresAt: first.expiresAt });
        continue;
      }
      const isSame = this.secrets.verifies(
        'idempotency-request',
        idempotency.request,
        Buffer.from(first.requestHash, 'hex'),
      );
      if (!isSame) throw new Problem('idempotency_key_reused');
      const answer = this.secrets.open('idempotency', first.answer ?? '');
      if (answer === undefined) throw new Problem('idempotency_key_reused');
      idempotency.onReplay();
      return JSON.parse(answer) as Answer;
    }
  }

  private async claim(manager: EntityManager, record: Partial<IdempotencyRecord>): Promise<void> {
    const expiresAt = new Date(this.clock.now().getTime() + RETENTION_MS);
    try {
      await manager
        .createQueryBuilder()
        .insert()
        .into(IdempotencyRecord)
        .values({ ...record, expiresAt })
        .execute();
    } catch (error) {
      if (isDuplicate(error)) throw new KeyInUseError();
      throw error;
    }
  }
}
