import { Injectable } from '@nestjs/common';
import type { Pool } from 'mysql2';
import { DataSource } from 'typeorm';
import type { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js';

export type SqlValue = string | number | null;

/**
 * Reads outside of a transaction. TypeORM speaks MySQL's text protocol only; the hot reads use prepared statements
 * of the same pool, which takes a quarter off the time of a point read.
 */
@Injectable()
export class Sql {
  private readonly pool?: Pool;

  constructor(private readonly dataSource: DataSource) {
    const { driver } = dataSource as unknown as { driver: Partial<MysqlDriver> };
    this.pool = driver.pool as Pool | undefined;
  }

  rows<Row>(sql: string, parameters: SqlValue[]): Promise<Row[]> {
    const { pool } = this;
    if (!pool) return this.dataSource.query(sql, parameters);
    return new Promise((resolve, reject) => {
      pool.execute(sql, parameters, (error, rows) => (error ? reject(error) : resolve(rows as Row[])));
    });
  }
}
