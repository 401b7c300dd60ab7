import type { PoolConnection } from 'mysql2';
import { type DataSource, QueryResult } from 'typeorm';
import type { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js';
import { MysqlQueryRunner } from 'typeorm/driver/mysql/MysqlQueryRunner.js';
import { runStatement, type SqlValue } from './database-pool.js';

/** TypeORM's query runner without mysql2's promises, which capture a stack for every statement, and without events. */
class ServerQueryRunner extends MysqlQueryRunner {
  override async query<T = unknown>(sql: string, parameters: unknown[] = [], structured = false): Promise<T> {
    const connection = (await this.connect()) as PoolConnection;
    this.driver.dataSource.logger.logQuery(sql, parameters, this);
    const raw = await runStatement<object>(sql, parameters, (done) =>
      connection.query(sql, parameters as SqlValue[], done),
    );
    return (structured ? toQueryResult(raw) : raw) as T;
  }
}

function toQueryResult(raw: object): QueryResult {
  const result = new QueryResult();
  result.raw = raw;
  if (Array.isArray(raw)) result.records = raw;
  else if ('affectedRows' in raw) result.affected = raw.affectedRows as number;
  return result;
}

export function useDirectStatements(dataSource: DataSource): void {
  const driver = dataSource.driver as MysqlDriver;
  driver.createQueryRunner = (mode) => new ServerQueryRunner(driver, mode);
  // all tables are in the database of the connection; TypeORM cannot quote the name of one that contains a dot
  driver.buildTableName = (tableName) => tableName;
}
