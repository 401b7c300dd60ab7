import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, BINARY, createIndex, dropColumns, foreignKey, isSqlite, serialId, UTF8MB4 } from './ddl.js';

/** Accounts at Google and Facebook, and for every user those that may sign in. */
export class Identities1700000000014 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    const bytes = sqlite ? '' : BINARY;
    await addColumns(runner, 'users', { linked_providers: `varchar(40) NOT NULL DEFAULT ''` });
    await runner.query(`
      CREATE TABLE IF NOT EXISTS identities (
        ${serialId(runner)},
        user_id ${sqlite ? 'integer' : 'int'} NOT NULL,
        provider varchar(16) ${bytes} NOT NULL,
        subject varchar(255) ${bytes} NOT NULL,
        created_at ${sqlite ? 'datetime' : 'datetime(3)'} NOT NULL,
        ${foreignKey(runner, 'fk_identities_user_id', 'user_id', 'users')}
      ) ${sqlite ? '' : `ENGINE = InnoDB ${UTF8MB4}`}`);
    await createIndex(runner, 'identities', 'uq_identities_provider_subject', 'provider, subject', 'UNIQUE');
    await createIndex(runner, 'identities', 'uq_identities_user_id_provider', 'user_id, provider', 'UNIQUE');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS identities');
    await dropColumns(runner, 'users', ['linked_providers']);
  }
}
