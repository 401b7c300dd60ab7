import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, createIndex, dropColumns, foreignKey, isSqlite, serialId, UTF8MB4 } from './ddl.js';

/** Signed-in clients. A session counts while its `epoch` is its user's: raising that one ends all sessions at once. */
export class Sessions1700000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    const int = sqlite ? 'integer' : 'int';
    const time = sqlite ? 'datetime' : 'datetime(3)';
    await addColumns(runner, 'users', { session_epoch: `${int} NOT NULL DEFAULT 1` });
    await runner.query(`
      CREATE TABLE IF NOT EXISTS sessions (
        ${serialId(runner)},
        user_id ${int} NOT NULL,
        epoch ${int} NOT NULL,
        salt varchar(32) NOT NULL,
        generation ${int} NOT NULL,
        rotated_at ${time} NOT NULL,
        created_at ${time} NOT NULL,
        expires_at ${time} NOT NULL,
        ended_at ${time} NULL,
        ip_address varchar(45) NOT NULL,
        user_agent varchar(255) NULL,
        ${foreignKey(runner, 'fk_sessions_user_id', 'user_id', 'users')}
      ) ${sqlite ? '' : `ENGINE = InnoDB ${UTF8MB4}`}`);
    await createIndex(runner, 'sessions', 'ix_sessions_user_id', 'user_id');
    await createIndex(runner, 'sessions', 'ix_sessions_expires_at', 'expires_at');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE IF EXISTS sessions');
    await dropColumns(runner, 'users', ['session_epoch']);
  }
}
