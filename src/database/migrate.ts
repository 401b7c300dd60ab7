import type { DataSource, Migration } from 'typeorm';
import { prepareAdoption } from './adoption.js';
import { isDuplicate } from './database-errors.js';
import { dialectOf } from './dialect.js';
import { refuseEmailCollisions } from './email-collisions.js';
import { migrationState } from './migration-state.js';

/** TypeORM's own has no primary key, which servers may require (`sql_require_primary_key`). */
const CREATE_METADATA_TABLE = `CREATE TABLE IF NOT EXISTS typeorm_metadata (
  id int NOT NULL AUTO_INCREMENT PRIMARY KEY,
  \`type\` varchar(255) NOT NULL,
  \`database\` varchar(255) NULL,
  \`schema\` varchar(255) NULL,
  \`table\` varchar(255) NULL,
  \`name\` varchar(255) NULL,
  \`value\` text NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci`;

/** TypeORM's notes about generated columns name their database, which may have another name since a restore. */
const RENAME_METADATA = `UPDATE typeorm_metadata SET \`schema\` = DATABASE()
  WHERE \`type\` = 'GENERATED_COLUMN' AND \`schema\` <> DATABASE()`;

/**
 * Applies the pending migrations. The caller holds the lock of starting instances. Throws `EmailCollisionError`, before
 * anything is changed, if no unique index of e-mails is possible.
 */
export async function applyPendingMigrations(dataSource: DataSource): Promise<Migration[]> {
  if (dialectOf(dataSource) === 'sqlite') return dataSource.runMigrations();
  await checkAdoption(dataSource);
  await dataSource.query(CREATE_METADATA_TABLE);
  await dataSource.query(RENAME_METADATA);
  try {
    return [...(await prepareAdoption(dataSource)), ...(await dataSource.runMigrations())];
  } catch (error) {
    // the Flask service may have added a row meanwhile
    if (isDuplicate(error)) await refuseEmailCollisions(dataSource);
    throw error;
  }
}

/** Changes nothing. Throws `EmailCollisionError` if pending migrations could not create the unique index of e-mails. */
export async function checkAdoption(dataSource: DataSource): Promise<void> {
  const { pending } = await migrationState(dataSource);
  if (pending.some((name) => /^(LiveEmails|EmailLetters)\d/.test(name))) await refuseEmailCollisions(dataSource);
}
