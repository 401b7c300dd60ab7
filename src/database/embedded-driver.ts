import type { DataSource } from 'typeorm';
import type { BetterSqlite3Driver } from 'typeorm/driver/better-sqlite3/BetterSqlite3Driver.js';
import { BetterSqlite3QueryRunner } from 'typeorm/driver/better-sqlite3/BetterSqlite3QueryRunner.js';

/**
 * Lets one transaction, or one statement outside of any, use the connection at a time, first come first served.
 * TypeORM's SQLite drivers hand the same query runner to everybody: a write of one request lands inside the open
 * transaction of another, and is lost when that one rolls back.
 */
class TransactionGate {
  private owner?: object;
  private readonly queue: Array<() => void> = [];

  async enter(visitor: object): Promise<void> {
    if (this.owner === undefined) this.owner = visitor;
    else
      await new Promise<void>((resolve) =>
        this.queue.push(() => {
          this.owner = visitor;
          resolve();
        }),
      );
  }

  leave(visitor: object): void {
    if (this.owner !== visitor) return;
    this.owner = undefined;
    this.queue.shift()?.();
  }

  isHeldBy(visitor: object): boolean {
    return this.owner === visitor;
  }
}

class EmbeddedQueryRunner extends BetterSqlite3QueryRunner {
  constructor(
    driver: BetterSqlite3Driver,
    private readonly gate: TransactionGate,
    statements: Map<string, unknown>,
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
      // SQLite has rolled back by itself, as it does when the disk is full: there is nothing left to do
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

  /** Statements outside of a transaction run between transactions, never inside one of somebody else. */
  override async query<T = unknown>(sql: string, parameters?: unknown[], structured = false): Promise<T> {
    if (this.gate.isHeldBy(this)) return super.query(immediate(sql), parameters, structured) as Promise<T>;
    const visitor = {};
    await this.gate.enter(visitor);
    try {
      return (await super.query(sql, parameters, structured)) as T;
    } finally {
      this.gate.leave(visitor);
    }
  }
}

/** A transaction that will write says so at once: one that turns to writing later fails if another process wrote. */
const immediate = (sql: string): string => (sql === 'BEGIN TRANSACTION' ? 'BEGIN IMMEDIATE TRANSACTION' : sql);

/** Gives every caller a query runner of its own, with a shared cache of prepared statements and one gate. */
export function isolateTransactions(dataSource: DataSource): void {
  const driver = dataSource.driver as BetterSqlite3Driver;
  const gate = new TransactionGate();
  const statements = new Map<string, unknown>();
  driver.createQueryRunner = () => new EmbeddedQueryRunner(driver, gate, statements);
}
