import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createIndex, foreignKey, isSqlite, serialId, UTF8MB4 } from './ddl.js';

/**
 * The tables of the Flask service, made only where they are missing: pointing `DATABASE_URI` at its database adopts
 * it in place. `alembic_version` is that service's own and is left alone.
 */
export class FlaskSchema1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    const int = sqlite ? 'integer' : 'int';
    const boolean = sqlite ? 'boolean' : 'tinyint(1)';
    // so that lists are sorted without regard to case on both
    const text = sqlite ? 'varchar(120) COLLATE NOCASE' : 'varchar(120)';
    const engine = sqlite ? '' : `ENGINE = InnoDB ${UTF8MB4}`;

    await runner.query(`
      CREATE TABLE IF NOT EXISTS users (
        ${serialId(runner)},
        email varchar(120) NULL,
        name ${text} NOT NULL,
        surname ${text} NOT NULL,
        admin ${boolean} NULL,
        admin_privileges_by ${int} NULL,
        created_at datetime NULL,
        modified_at datetime NULL,
        created_by ${int} NULL,
        modified_by ${int} NULL,
        password_hash varchar(${sqlite ? 255 : 128}) NULL,
        is_deleted ${boolean} NOT NULL,
        ${foreignKey(runner, 'users_ibfk_1', 'admin_privileges_by', 'users')},
        ${foreignKey(runner, 'users_ibfk_2', 'created_by', 'users')},
        ${foreignKey(runner, 'users_ibfk_3', 'modified_by', 'users')}
      ) ${engine}`);
    await runner.query(`
      CREATE TABLE IF NOT EXISTS customers (
        ${serialId(runner)},
        email varchar(120) NOT NULL,
        name ${text} NOT NULL,
        surname ${text} NOT NULL,
        photo_url varchar(120) NULL,
        created_by ${int} NOT NULL,
        last_modified_by ${int} NOT NULL,
        created_at datetime NOT NULL,
        last_modified_at datetime NOT NULL,
        is_deleted ${boolean} NOT NULL,
        ${foreignKey(runner, 'customers_ibfk_1', 'created_by', 'users')},
        ${foreignKey(runner, 'customers_ibfk_2', 'last_modified_by', 'users')}
      ) ${engine}`);

    for (const column of ['name', 'surname', 'admin', 'created_at', 'modified_at', 'is_deleted'])
      await createIndex(runner, 'users', `ix_users_${column}`, column);
    for (const column of ['name', 'surname', 'photo_url', 'created_at', 'last_modified_at', 'is_deleted'])
      await createIndex(runner, 'customers', `ix_customers_${column}`, column);
    for (const table of ['users', 'customers'])
      await createIndex(runner, table, `ix_${table}_email`, 'email', 'UNIQUE');
  }

  /** A database that was the Flask service's before us keeps its tables. */
  async down(runner: QueryRunner): Promise<void> {
    if (await runner.hasTable('alembic_version')) return;
    await runner.query('DROP TABLE IF EXISTS customers');
    await runner.query('DROP TABLE IF EXISTS users');
  }
}
