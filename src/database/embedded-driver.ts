import type { DataSource } from 'typeorm';
import type { BetterSqlite3Driver } from 'typeorm/driver/better-sqlite3/BetterSqlite3Driver.js';
import { BetterSqlite3QueryRunner } from 'typeorm/driver/better-sqlite3/BetterSqlite3QueryRunner.js';
import { currentTracing } from '../tracing/tracing.js';
import { OutageLog } from './outage-log.js';
import { statementSpan } from './statement-span.js';

/** A result that takes a millisecond or more to read and to send. */
const MANY_ROWS = 20;
/** Attributes of spans. */
const TARGET = { 'db.system.name': 'sqlite', 'db.namespace': 'crm.sqlite' };

/**
 * Grants the connection to one transaction, or one statement outside of a transaction, at a time, in order of arrival.
 * TypeORM's SQLite drivers share one query runner: a write of one request would run inside the open transaction of
 * another request, and be lost when that one rolls back.
 */
class TransactionGate {
  private owner?: object;
  private readonly queue: Array<() => void> = [];

  async enter(caller: object): Promise<void> {
    if (this.owner === undefined) this.owner = caller;
    else
      await new Promise<void>((resolve) =>
        this.queue.push(() => {
          this.owner = caller;
          resolve();
        }),
      );
  }

  leave(caller: object): void {
    if (this.owner !== caller) return;
    this.owner = undefined;
    this.queue.shift()?.();
  }

  isHeldBy(caller: object): boolean {
    return this.owner === caller;
  }
}

class EmbeddedQueryRunner extends BetterSqlite3QueryRunner {
  constructor(
    driver: BetterSqlite3Driver,
    private readonly gate: TransactionGate,
    statements: Map<string, unknown>,
    private readonly outages: OutageLog,
  ) {
    super(driver);
    (this as unknown as { stmtCache: Map<string, unknown> }).stmtCache = statements;
  }

  override async startTransaction(...args: Parameters<BetterSqlite3QueryRunner['startTransaction']>): Promise<void> {
    if (this.isTransactionActive) return super.startTransaction(...args);
    await this.gate.enter(this);
    try {
      await super.startTransaction(...args);
    } catch (error) {
      this.isTransactionActive = false;
      this.gate.leave(this);
      throw error;
    }
  }

  override async commitTransaction(): Promise<void> {
    await super.commitTransaction();
    if (!this.isTransactionActive) this.gate.leave(this);
  }

  override async rollbackTransaction(): Promise<void> {
    try {
      await super.rollbackTransaction();
    } catch (error) {
      // SQLite has already rolled back, as it does when the disk is full
      if (!/no transaction is active/.test((error as Error).message)) throw error;
      this.isTransactionActive = false;
      this.transactionDepth = 0;
    } finally {
      if (!this.isTransactionActive) this.gate.leave(this);
    }
  }

  override async release(): Promise<void> {
    try {
      if (this.isTransactionActive) await this.rollbackTransaction();
    } finally {
      this.gate.leave(this);
      await super.release();
    }
  }

  /** Statements outside of a transaction run between transactions, never inside another caller's. */
  override async query<T = unknown>(sql: string, parameters?: unknown[], structured = false): Promise<T> {
    if (this.gate.isHeldBy(this)) return this.run(immediate(sql), parameters, structured);
    const caller = {};
    await this.gate.enter(caller);
    let isLarge = false;
    try {
      const result = await this.run<T>(sql, parameters, structured);
      isLarge = Array.isArray(result) && result.length > MANY_ROWS;
      return result;
    } finally {
      // SQLite does not wait for anything: without a pause many lists would block the event loop together
      if (isLarge) setImmediate(() => this.gate.leave(caller));
      else this.gate.leave(caller);
    }
  }

  private run<T>(sql: string, parameters: unknown[] | undefined, structured: boolean): Promise<T> {
    const tracing = currentTracing();
    if (!tracing) return this.execute(sql, parameters, structured);
    return tracing.inSpan(
      () => statementSpan(TARGET, sql),
      () => this.execute(sql, parameters, structured),
    );
  }

  private async execute<T>(sql: string, parameters: unknown[] | undefined, structured: boolean): Promise<T> {
    try {
      return (await super.query(sql, parameters, structured)) as T;
    } catch (error) {
      this.outages.report(error);
      throw error;
    }
  }
}

/** Takes the write lock at once: a transaction that takes it later fails if another process wrote in between. */
const immediate = (sql: string): string => (sql === 'BEGIN TRANSACTION' ? 'BEGIN IMMEDIATE TRANSACTION' : sql);

/** Gives every caller its own query runner; all share one gate and one cache of prepared statements. */
export function isolateTransactions(dataSource: DataSource): void {
  const driver = dataSource.driver as BetterSqlite3Driver;
  const gate = new TransactionGate();
  const statements = new Map<string, unknown>();
  const outages = new OutageLog(String(driver.options.database));
  driver.createQueryRunner = () => new EmbeddedQueryRunner(driver, gate, statements, outages);
}
