import { Injectable } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { DatabasePool, type SqlValue } from './database-pool.js';
import { dialectOf } from './dialect.js';

export type { SqlValue } from './database-pool.js';

export interface WriteResult {
  insertId: number;
  affectedRows: number;
}

/** Where a list reads: the primary, or a replica. */
export type Reads = Pick<DirectQueries, 'query'>;

/**
 * Statements without TypeORM's query builder and events, which cost several times the statement itself. Their values are
 * parameters of prepared statements, never part of the text. Their texts should be few, as each connection keeps only
 * the most recently used ones prepared: pad `IN` lists (`padded`), and give limits as parameters.
 */
@Injectable()
export class DirectQueries {
  /** Undefined for the embedded database, whose one connection is TypeORM's. */
  private readonly pool?: DatabasePool;

  constructor(private readonly dataSource: DataSource) {
    if (dialectOf(dataSource) !== 'sqlite') this.pool = DatabasePool.of(dataSource);
  }

  /** A read outside of a transaction. */
  query<Row>(sql: string, parameters: SqlValue[]): Promise<Row[]> {
    return this.pool ? this.pool.query(sql, parameters) : this.dataSource.query(sql, parameters);
  }

  /** A read inside a transaction. */
  executeIn<Row>(manager: EntityManager, sql: string, parameters: SqlValue[]): Promise<Row[]> {
    return this.pool ? this.pool.executeIn(manager, sql, parameters) : manager.query(sql, parameters);
  }

  /** An INSERT, UPDATE or DELETE inside a transaction. */
  async writeIn(manager: EntityManager, sql: string, parameters: SqlValue[]): Promise<WriteResult> {
    if (this.pool) return this.pool.executeIn(manager, sql, parameters);
    const result = (await manager.queryRunner!.query(sql, parameters, true)) as { raw: unknown; affected?: number };
    return { insertId: Number(result.raw), affectedRows: result.affected ?? 0 };
  }
}
