import { Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { DataSource, QueryFailedError } from 'typeorm';
import { Env } from '../config/env.js';
import { openReplica } from './data-source.js';
import { DatabasePool } from './database-pool.js';
import type { Reads } from './direct-queries.js';
import { type Fault, Replica } from './replica.js';

/** How long a page waits for replicas in total. */
const PATIENCE_MS = 1_000;
/** How long a replica that failed or lags is not asked. */
const PAUSE_MS = 10_000;

/**
 * What the server has committed, as global transaction ids: '' if it does not number them all. MariaDB's binary log alone
 * would lack what a server applied as a replica, before it became the primary.
 */
const POSITION = {
  mariadb: `SELECT IF(@@GLOBAL.log_bin, @@GLOBAL.gtid_current_pos, '') AS position`,
  mysql: `SELECT IF(@@GLOBAL.log_bin AND @@GLOBAL.gtid_mode = 'ON', @@GLOBAL.gtid_executed, '') AS position`,
};

/**
 * Reads on the servers of `DATABASE_REPLICA_URIS`, for bulk reads. None is older than its call: the replica first applies
 * what the primary has committed. Replicas that fail or are too late are left out for a while.
 */
@Injectable()
export class Replicas implements OnApplicationShutdown {
  /** Tests shorten it. */
  pauseMs = PAUSE_MS;
  private readonly replicas: Replica[];
  private turn = 0;

  constructor(
    env: Env,
    private readonly dataSource: DataSource,
  ) {
    this.replicas = env.DATABASE_REPLICA_URIS.map((address) => new Replica(address, () => openReplica(address, env)));
  }

  /**
   * `work` only reads. It gets a replica, or nothing: then it reads from the primary. It is started again if its replica
   * fails.
   */
  async read<T>(work: (replica?: Reads) => Promise<T>): Promise<T> {
    const due = this.replicas.filter((replica) => replica.isDue(this.pauseMs));
    if (due.length === 0) return work();
    const position = await this.position();
    const first = this.turn++ % due.length;
    const deadline = performance.now() + PATIENCE_MS;
    for (const replica of [...due.slice(first), ...due.slice(0, first)]) {
      const reads = await replica.reach(position, deadline - performance.now());
      if (!reads) continue;
      try {
        const result = await work(reads);
        replica.takeBack();
        return result;
      } catch (error) {
        if (!(error instanceof QueryFailedError)) throw error;
        replica.leaveOut(error);
      }
    }
    return work();
  }

  /** Of the replicas that would not serve now. */
  async faults(): Promise<Fault[]> {
    const position = await this.position();
    const found = await Promise.all(this.replicas.map((replica) => replica.fault(position, PATIENCE_MS)));
    return found.filter((fault) => fault !== undefined);
  }

  private async position(): Promise<string> {
    const primary = DatabasePool.of(this.dataSource);
    const [row] = await primary.query<{ position: string }>(POSITION[primary.dialect], []);
    return row!.position;
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.close()));
  }
}
