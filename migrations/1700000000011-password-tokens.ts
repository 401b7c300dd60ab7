import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, BINARY, createIndex, dropColumns, dropIndex, isSqlite } from './ddl.js';

/** The one invitation or password reset that a user can redeem, as a hash. A new one takes the place of the old. */
export class PasswordTokens1700000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    await addColumns(runner, 'users', {
      password_token_hash: `varchar(64) ${sqlite ? '' : BINARY} NULL`,
      password_token_expires_at: sqlite ? 'datetime NULL' : 'datetime(3) NULL',
    });
    await createIndex(runner, 'users', 'uq_users_password_token_hash', 'password_token_hash', 'UNIQUE');
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndex(runner, 'users', 'uq_users_password_token_hash');
    await dropColumns(runner, 'users', ['password_token_hash', 'password_token_expires_at']);
  }
}
