import type { DataSource } from 'typeorm';
import type { Env } from '../../config/env.js';
import { connectionOptions, openDataSource } from '../../database/data-source.js';
import { dialectOf } from '../../database/dialect.js';
import { migrationState } from '../../database/migration-state.js';
import { entities } from '../../entities.js';
import { User } from '../../users/user.entity.js';
import { Finding, NotChecked } from './check.js';

const MIGRATE = 'npm run crm -- migrate';

/** By error code of the driver. */
const FIXES: Record<string, string> = {
  ECONNREFUSED: 'Start the database server, or correct host and port in DATABASE_URI.',
  ENOENT: 'Correct the socket path in DATABASE_URI. Cloud SQL provides a socket only where the instance is attached.',
  ENOTFOUND: 'Correct the host in DATABASE_URI.',
  ETIMEDOUT: 'Correct the host in DATABASE_URI, or allow this machine in the firewall.',
  ER_ACCESS_DENIED_ERROR: 'Correct user and password in DATABASE_URI. Special characters must be percent-encoded.',
  ER_DBACCESS_DENIED_ERROR: 'Grant the user in DATABASE_URI all privileges on its database.',
  ER_BAD_DB_ERROR: 'Create the database that DATABASE_URI names, with CHARACTER SET utf8mb4.',
};

/** The checks of the database, on one connection. */
export class DatabaseChecks {
  private dataSource?: DataSource;

  constructor(private readonly env: Env) {}

  async connect(): Promise<string> {
    try {
      this.dataSource = await openDataSource(await connectionOptions(this.env, entities));
      return await versionOf(this.dataSource);
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string };
      throw new Finding(message || code, FIXES[code] ?? 'Check the value of DATABASE_URI or DATA_DIR.');
    }
  }

  async checkMigrations(): Promise<string> {
    const { applied, pending, unknown } = await migrationState(this.connected());
    if (unknown.length > 0)
      throw new Finding(`a newer version has applied ${unknown.join(', ')}`, 'Run that version or a newer one.');
    if (pending.length > 0) throw new Finding(`${pending.length} pending migrations`, MIGRATE);
    const wrongCharset = await this.tablesWithOtherCharset();
    if (wrongCharset.length > 0)
      throw new Finding(
        `tables not in utf8mb4: ${wrongCharset.join(', ')}`,
        `ALTER TABLE ${wrongCharset[0]} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci; likewise for the other tables.`,
      );
    return `all ${applied.length} applied`;
  }

  async checkAdmin(): Promise<string> {
    const dataSource = this.connected();
    if ((await migrationState(dataSource)).pending.length > 0)
      throw new NotChecked('the database has pending migrations');
    const count = await dataSource.getRepository(User).countBy({ isAdmin: true, isDeleted: false });
    if (count === 0) throw new Finding('no admin exists', 'npm run crm -- admin create you@example.com');
    return count === 1 ? '1 admin' : `${count} admins`;
  }

  async close(): Promise<void> {
    await this.dataSource?.destroy();
  }

  private connected(): DataSource {
    if (!this.dataSource) throw new NotChecked('no connection to the database');
    return this.dataSource;
  }

  private async tablesWithOtherCharset(): Promise<string[]> {
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
  return `${name} ${row!.version}, connection charset ${row!.charset}`;
}
