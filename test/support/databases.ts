import { randomBytes } from 'node:crypto';
import mysql from 'mysql2/promise';

/** A database of a test file's own. */
export interface TestDatabase {
  /** Undefined for the embedded one. */
  uri?: string;
  drop: () => Promise<void>;
}

export type Kind = 'SQLite' | 'MariaDB';

const server = process.env.TEST_DATABASE_URI;
export const kinds: Kind[] = server ? ['SQLite', 'MariaDB'] : ['SQLite'];

/** Declares the tests once for every database that there is. */
export function onEveryDatabase(declare: (kind: Kind) => void): void {
  describe.each(kinds)('on %s', declare);
}

/** Filled by `sql`, if that is given, before anybody migrates it. */
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
