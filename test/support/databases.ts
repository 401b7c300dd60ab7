import { randomBytes } from 'node:crypto';
import mysql from 'mysql2/promise';

/** A database for one test file. */
export interface TestDatabase {
  /** Undefined for the embedded database. */
  uri?: string;
  drop: () => Promise<void>;
}

export type Kind = 'SQLite' | 'MariaDB';

const server = process.env.TEST_DATABASE_URI;
export const kinds: Kind[] = server ? ['SQLite', 'MariaDB'] : ['SQLite'];

/** Declares the tests for every available database. */
export function onEveryDatabase(declare: (kind: Kind) => void): void {
  describe.each(kinds)('on %s', declare);
}

/** Creates an empty database, or one with the content of `sql`, which then runs before all migrations. */
export async function createDatabase(kind: Kind, sql?: string, on = server): Promise<TestDatabase> {
  if (kind === 'SQLite') return { drop: () => Promise.resolve() };
  const name = `crm_test_${randomBytes(6).toString('hex')}`;
  const connection = await mysql.createConnection({ uri: on!, multipleStatements: true });
  await connection.query(`CREATE DATABASE ${name}`);
  if (sql) await connection.query(`USE ${name}; ${sql}`);
  await connection.end();
  const url = new URL(on!);
  url.pathname = `/${name}`;
  return {
    uri: url.toString(),
    drop: async () => {
      const again = await mysql.createConnection(on!);
      await again.query(`DROP DATABASE ${name}`);
      await again.end();
    },
  };
}
