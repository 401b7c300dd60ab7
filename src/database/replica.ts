import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import type { DatabaseAddress } from '../config/database-uri.js';
import { StartError } from '../config/start-error.js';
import { databaseErrorKind, driverErrorOf } from './database-errors.js';
import { DatabasePool } from './database-pool.js';
import { startDeadline } from './deadline.js';
import type { Reads } from './direct-queries.js';
import { outageFix } from './outage-log.js';

/** Waits until the server has applied a position, for at most so many seconds; then the result is '0'. */
const WAIT = {
  mariadb: 'SELECT CAST(MASTER_GTID_WAIT(?, ?) AS CHAR) AS result',
  mysql: 'SELECT CAST(WAIT_FOR_EXECUTED_GTID_SET(?, ?) AS CHAR) AS result',
};
const BEHIND =
  'Look at SHOW REPLICA STATUS on it (SHOW SLAVE STATUS): both of its threads must run, and it must keep up with the writes.';
const UNNUMBERED = 'Turn on log_bin in the primary, and on MySQL gtid_mode; or remove DATABASE_REPLICA_URIS.';
const SILENT = 'Check that it runs and is not overloaded, and that no firewall is between it and this machine.';
/** For the answer of a server that has waited as long as it should. */
const GRACE_MS = 250;

/** Why a replica is not used, with what to do about it. */
class ReplicaError extends Error {
  constructor(
    message: string,
    readonly fix: string,
  ) {
    super(message);
  }
}

export interface Fault {
  /** Where it is. */
  replica: string;
  reason: string;
  fix: string;
}

/** The connections to one replica, and whether it serves. */
export class Replica {
  private readonly logger = new Logger('Replicas');
  private readonly name: string;
  private opening?: Promise<DataSource>;
  /** Undefined while it serves. */
  private leftOutAt?: number;

  constructor(
    { host, port, socketPath }: Pick<DatabaseAddress, 'host' | 'port' | 'socketPath'>,
    private readonly open: () => Promise<DataSource>,
  ) {
    this.name = socketPath ?? `${host}:${port}`;
  }

  /** Whether it serves, or was left out so long ago that it is tried again. */
  isDue(pauseMs: number): boolean {
    return this.leftOutAt === undefined || performance.now() - this.leftOutAt >= pauseMs;
  }

  /** Its reads, once it has applied all that the primary had at this position; undefined if that takes longer than `ms`. */
  async reach(position: string, ms: number): Promise<Reads | undefined> {
    if (ms <= 0) return undefined;
    try {
      return await this.caughtUp(position, ms);
    } catch (error) {
      this.leaveOut(error);
      return undefined;
    }
  }

  /** Why it would not serve now. */
  async fault(position: string, ms: number): Promise<Fault | undefined> {
    try {
      await this.caughtUp(position, ms);
      return undefined;
    } catch (error) {
      return { replica: this.name, ...explain(error) };
    }
  }

  private caughtUp(position: string, ms: number): Promise<Reads> {
    let stop = (): void => undefined;
    const late = new Promise<never>((_, reject) => {
      stop = startDeadline(ms + GRACE_MS, () => reject(new ReplicaError('it does not answer in time', SILENT)));
    });
    return Promise.race([this.waitFor(position, ms), late]).finally(() => stop());
  }

  private async waitFor(position: string, ms: number): Promise<Reads> {
    if (position === '') throw new ReplicaError('the primary does not number its transactions', UNNUMBERED);
    const pool = DatabasePool.of(await this.opened());
    const [row] = await pool.query<{ result: string | null }>(WAIT[pool.dialect], [position, ms / 1000]);
    if (row?.result !== '0') throw new ReplicaError('it is behind the primary', BEHIND);
    return pool;
  }

  /** Logs only the first time. */
  leaveOut(error: unknown): void {
    const isFirst = this.leftOutAt === undefined;
    this.leftOutAt = performance.now();
    if (!isFirst) return;
    const { reason, fix } = explain(error);
    this.logger.warn({ message: `The replica ${this.name} is left out: ${reason}`, replica: this.name, fix });
  }

  takeBack(): void {
    if (this.leftOutAt === undefined) return;
    this.leftOutAt = undefined;
    this.logger.log({ message: `The replica ${this.name} is used again`, replica: this.name });
  }

  async close(): Promise<void> {
    const dataSource = await this.opening?.catch(() => undefined);
    await dataSource?.destroy();
  }

  private opened(): Promise<DataSource> {
    this.opening ??= this.open().catch((error: unknown) => {
      this.opening = undefined;
      throw error;
    });
    return this.opening;
  }
}

/** Messages of the server may quote values of rows, except those about its availability. */
function explain(error: unknown): Pick<Fault, 'reason' | 'fix'> {
  if (error instanceof ReplicaError) return { reason: error.message, fix: error.fix };
  if (error instanceof StartError) return { reason: error.message, fix: forReplicas(error.fix ?? '') };
  const cause = driverErrorOf(error);
  const { errno, code, message } = cause;
  const reason = String((databaseErrorKind(error) === 'unavailable' && message) || code || errno || message);
  return { reason, fix: forReplicas(outageFix(cause)) };
}

const forReplicas = (fix: string): string => fix.replaceAll('DATABASE_URI', 'DATABASE_REPLICA_URIS');
