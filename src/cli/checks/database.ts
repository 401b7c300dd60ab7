import type { DataSource } from 'typeorm';
import type { Clock } from '../../config/clock.js';
import { ConfigurationError, type Env } from '../../config/env.js';
import { StartError } from '../../config/start-error.js';
import { connectionOptions, openDataSource } from '../../database/data-source.js';
import { dialectOf } from '../../database/dialect.js';
import { checkAdoption } from '../../database/migrate.js';
import { migrationState } from '../../database/migration-state.js';
import { Replicas } from '../../database/replicas.js';
import { entities } from '../../entities.js';
import { User } from '../../users/user.entity.js';
import { Finding, NotChecked } from './check.js';
import { checkServer } from './server.js';

const MIGRATE = 'npm run crm -- migrate';

/** The checks of the database, on one connection. */
export class DatabaseChecks {
  private dataSource?: DataSource;

  constructor(
    private readonly env: Env,
    private readonly clock: Clock,
  ) {}

  async connect(): Promise<string> {
    const dataSource = await this.open();
    if (dialectOf(dataSource) !== 'sqlite') return checkServer(dataSource, this.clock);
    const [row] = await dataSource.query<Array<{ version: string }>>('SELECT sqlite_version() AS version');
    return `SQLite ${row!.version}, embedded, in DATA_DIR`;
  }

  private async open(): Promise<DataSource> {
    try {
      return (this.dataSource = await openDataSource(await connectionOptions(this.env, entities)));
    } catch (error) {
      throw findingOf(error);
    }
  }

  async checkMigrations(): Promise<string> {
    const { applied, pending, unknown } = await migrationState(this.connected());
    if (unknown.length > 0)
      throw new Finding(`a newer version has applied ${unknown.join(', ')}`, 'Run that version or a newer one.');
    if (pending.length > 0) {
      await this.checkEmails();
      throw new Finding(`${pending.length} pending migrations`, MIGRATE);
    }
    const wrongCharset = await this.tablesWithOtherCharset();
    if (wrongCharset.length > 0)
      throw new Finding(
        `tables not in utf8mb4: ${wrongCharset.join(', ')}`,
        `ALTER TABLE ${wrongCharset[0]} CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci; likewise for the other tables.`,
      );
    return `all ${applied.length} applied`;
  }

  /** What would stop the migrations. */
  private async checkEmails(): Promise<void> {
    try {
      await checkAdoption(this.connected());
    } catch (error) {
      throw findingOf(error);
    }
  }

  async checkAdmin(): Promise<string> {
    const dataSource = this.connected();
    if ((await migrationState(dataSource)).pending.length > 0)
      throw new NotChecked('the database has pending migrations');
    const count = await dataSource.getRepository(User).countBy({ isAdmin: true, isDeleted: false });
    if (count === 0) throw new Finding('no admin exists', 'npm run crm -- admin create you@example.com');
    return count === 1 ? '1 admin' : `${count} admins`;
  }

  async checkReplicas(): Promise<string> {
    const replicas = new Replicas(this.env, this.connected());
    try {
      const faults = await replicas.faults();
      if (faults.length > 0)
        throw new Finding(
          faults.map(({ replica, reason }) => `${replica}: ${reason}`).join('; '),
          [...new Set(faults.map(({ fix }) => fix))].join(' '),
        );
      return `${this.env.DATABASE_REPLICA_URIS.length} up to date`;
    } finally {
      await replicas.onApplicationShutdown();
    }
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

function findingOf(error: unknown): unknown {
  if (error instanceof ConfigurationError)
    return new Finding(error.problems.join('; '), 'Correct DATA_DIR, or its owner and permissions.');
  return error instanceof StartError && error.fix ? new Finding(error.message, error.fix) : error;
}
