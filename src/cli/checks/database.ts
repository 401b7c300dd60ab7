import type { DataSource } from 'typeorm';
import type { Env } from '../../config/env.js';
import { connectionOptions, openDataSource } from '../../database/data-source.js';
import { dialectOf } from '../../database/dialect.js';
import { migrationState } from '../../database/migration-state.js';
import { entities } from '../../entities.js';
import { User } from '../../users/user.entity.js';
import { Finding, NotChecked } from './check.js';

const MIGRATE = 'npm run crm -- migrate';

/** By what the driver says; the texts are for whoever has written DATABASE_URI. */
const FIXES: Record<string, string> = {
  ECONNREFUSED: 'start the database server, or correct host and port in DATABASE_URI.',
  ENOENT: 'correct the path of the socket in DATABASE_URI; Cloud SQL has one only where the instance is attached.',
  ENOTFOUND: 'correct the host in DATABASE_URI.',
  ETIMEDOUT: 'correct the host in DATABASE_URI, or let this machine through the firewall.',
  ER_ACCESS_DENIED_ERROR: 'correct user and password in DATABASE_URI; special characters are written as %..',
  ER_DBACCESS_DENIED_ERROR: 'grant the user of DATABASE_URI all privileges on its database.',
  ER_BAD_DB_ERROR: 'create the database that DATABASE_URI names, with CHARACTER SET utf8mb4.',
};

/** One connection for all that is asked of the database. */
export class DatabaseChecks {
  private dataSource?: DataSource;

  constructor(private readonly env: Env) {}

  async connect(): Promise<string> {
    try {
      this.dataSource = await openDataSource(await connectionOptions(this.env, entities));
      return await versionOf(this.dataSource);
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string };
      throw new Finding(message || code, FIXES[code] ?? 'see whether DATABASE_URI, or DATA_DIR, is what it should be.');
    }
  }

  async checkMigrations(): Promise<string> {
    const { applied, pending, unknown } = await migrationState(this.connected());
    if (unknown.length > 0)
      throw new Finding(`a newer version has applied ${unknown.join(', ')}`, 'run that version, or a newer one.');
    if (pending.length > 0) throw new Finding(`${pending.length} pending`, MIGRATE);
    const narrow = await this.tablesOutsideOfUtf8mb4();
    if (narrow.length > 0)
      throw new Finding(
        `not in utf8mb4: ${narrow.join(', ')}`,
        `ALTER TABLE ${narrow[0]} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci, and so each of them.`,
      );
    return `all ${applied.length} applied`;
  }

  async checkAdmin(): Promise<string> {
    const dataSource = this.connected();
    if ((await migrationState(dataSource)).pending.length > 0) throw new NotChecked('the database is not migrated');
    const count = await dataSource.getRepository(User).countBy({ isAdmin: true, isDeleted: false });
    if (count === 0) throw new Finding('there is none', 'npm run crm -- admin create you@example.com');
    return count === 1 ? 'there is one' : `there are ${count}`;
  }

  async close(): Promise<void> {
    await this.dataSource?.destroy();
  }

  private connected(): DataSource {
    if (!this.dataSource) throw new NotChecked('the database does not answer');
    return this.dataSource;
  }

  private async tablesOutsideOfUtf8mb4(): Promise<string[]> {
    const dataSource = this.connected();
    if (dialectOf(dataSource) === 'sqlite') return [];
    const rows = await dataSource.query<Array<{ name: string }>>(
      `SELECT table_name AS name FROM information_schema.tables
        WHERE table_schema = DATABASE() AND table_collation NOT LIKE 'utf8mb4%'`,
    );
    const ours = new Set(dataSource.entityMetadatas.map(({ tableName }) => tableName));
    return rows.map(({ name }) => name).filter((name) => ours.has(name));
  }
}

async function versionOf(dataSource: DataSource): Promise<string> {
  if (dialectOf(dataSource) === 'sqlite') {
    const [row] = await dataSource.query<Array<{ version: string }>>('SELECT sqlite_version() AS version');
    return `SQLite ${row!.version}, embedded, in DATA_DIR`;
  }
  const [row] = await dataSource.query<Array<{ version: string; charset: string }>>(
    'SELECT VERSION() AS version, @@character_set_connection AS charset',
  );
  const name = dialectOf(dataSource) === 'mariadb' ? 'MariaDB' : 'MySQL';
  return `${name} ${row!.version}, speaks ${row!.charset}`;
}
