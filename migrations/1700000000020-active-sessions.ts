import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createIndex, dropIndex } from './ddl.js';

/** Finds the active sessions of a user without the ended ones, which stay until they expire. */
export class ActiveSessions1700000000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createIndex(runner, 'sessions', 'ix_sessions_user_id_epoch_ended_at', 'user_id, epoch, ended_at');
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndex(runner, 'sessions', 'ix_sessions_user_id_epoch_ended_at');
  }
}
