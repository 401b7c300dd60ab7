import type { PoolConnection } from 'mysql2';
import { type DataSource, QueryResult } from 'typeorm';
import type { MysqlDriver } from 'typeorm/driver/mysql/MysqlDriver.js';
import { MysqlQueryRunner } from 'typeorm/driver/mysql/MysqlQueryRunner.js';
import { DatabasePool, leaveReadOnly, type SqlValue } from './database-pool.js';
import { fromSqlTime, toSqlTime } from './dialect.js';

/**
 * TypeORM's query runner without mysql2's promises, which capture a stack for every statement, and without events. It
 * sends values as parameters of prepared statements: TypeORM's own one escapes them into the text, which is as safe as
 * the client's idea of the server's `sql_mode` and character set.
 */
class ServerQueryRunner extends MysqlQueryRunner {
  constructor(
    private readonly pool: DatabasePool,
    ...args: ConstructorParameters<typeof MysqlQueryRunner>
  ) {
    super(...args);
  }

  override async query<T = unknown>(sql: string, parameters: unknown[] = [], structured = false): Promise<T> {
    const connection = (await this.connect()) as PoolConnection;
    this.driver.dataSource.logger.logQuery(sql, parameters, this);
    const values = parameters.map(toSqlValue);
    const text = values.length > 0 ? limitsAsParameters(sql, values) : sql;
    const raw = await this.pool.run<object>(sql, parameters, (done) => {
      const ended = leaveReadOnly(connection, done);
      // statements without values, such as DDL, cannot all be prepared
      return values.length > 0 ? connection.execute(text, values, ended) : connection.query(text, ended);
    });
    return (structured ? toQueryResult(raw) : raw) as T;
  }
}

/** TypeORM writes limits into the text, but each text is a prepared statement of its own. */
function limitsAsParameters(sql: string, values: SqlValue[]): string {
  return sql.replace(/ LIMIT (\d{1,9})(?: OFFSET (\d{1,9}))?$/, (_, limit: string, offset?: string) => {
    values.push(Number(limit));
    if (offset === undefined) return ' LIMIT ?';
    values.push(Number(offset));
    return ' LIMIT ? OFFSET ?';
  });
}

/** Not a Date, which mysql2 would send in the time zone of its own options. */
function toSqlValue(value: unknown): SqlValue {
  if (value instanceof Date) return toSqlTime(value);
  return typeof value === 'boolean' ? Number(value) : ((value ?? null) as SqlValue);
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
  const pool = DatabasePool.of(dataSource);
  driver.createQueryRunner = (mode) => new ServerQueryRunner(pool, driver, mode);
  // all tables are in the database of the connection; TypeORM cannot quote the name of one that contains a dot
  driver.buildTableName = (tableName) => tableName;
  // TypeORM takes the text of a DATETIME for local time
  const hydrate = driver.prepareHydratedValue.bind(driver);
  driver.prepareHydratedValue = (value, column) =>
    hydrate(column.type === 'datetime' && typeof value === 'string' ? fromSqlTime(value) : value, column) as unknown;
}
