import type { DataSource, QueryRunner } from 'typeorm';
import { StartError } from '../config/start-error.js';
import { normalizeEmail } from '../text/email.js';
import { dialectOf } from './dialect.js';
import { EMAIL_KEY } from './email-key.js';

const TABLES = ['users', 'customers'] as const;
/** Enough to start with; the operator runs the check again. */
const MAX_NAMED = 20;

/** Ids of active rows of one table whose e-mails count as the same. */
interface Collision {
  table: (typeof TABLES)[number];
  ids: number[];
}

/** The database has active rows that the service cannot tell apart. Only its operator knows which of them is right. */
export class EmailCollisionError extends StartError {
  override readonly isLasting = true;

  constructor(collisions: Collision[]) {
    const named = collisions.slice(0, MAX_NAMED).map(({ table, ids }) => `${table}.email of ids ${ids.join(', ')}`);
    const more = collisions.length > MAX_NAMED ? `; and ${collisions.length - MAX_NAMED} more groups` : '';
    super(
      `Active rows share an e-mail that differs only in case or surrounding space: ${named.join('; ')}${more}.`,
      'Change the e-mail of all but one row of each group, or set is_deleted = 1 on them. SELECT id, email shows the e-mails.',
    );
  }

  override get explanation(): string {
    return super.explanation.replace('Fix: ', 'Nothing was changed. Fix: ');
  }
}

/** Read-only. Throws `EmailCollisionError`. */
export async function refuseEmailCollisions(dataSource: DataSource): Promise<void> {
  // the embedded database has no e-mails but normalized ones
  if (dialectOf(dataSource) === 'sqlite') return;
  const runner = dataSource.createQueryRunner();
  try {
    const collisions: Collision[] = [];
    for (const table of TABLES)
      if (await runner.hasTable(table)) collisions.push(...(await findCollisions(runner, table)));
    if (collisions.length > 0) throw new EmailCollisionError(collisions);
  } finally {
    await runner.release();
  }
}

/**
 * The server finds candidates by a form that is coarser than both keys, lower-cased visible ASCII, so that few rows are
 * read. As two rows collide by either key: `normalizeEmail` for the API, `EMAIL_KEY` for the unique index.
 */
async function findCollisions(runner: QueryRunner, table: Collision['table']): Promise<Collision[]> {
  // the Flask service's tables may be latin1 and have any collation
  const email = `CONVERT(email USING utf8mb4) COLLATE utf8mb4_bin`;
  const coarse = `LOWER(REGEXP_REPLACE(${email}, '[^!-~]', ''))`;
  const candidates = `SELECT ${coarse} AS form FROM ${table} WHERE is_deleted = 0 AND email IS NOT NULL
    GROUP BY form HAVING COUNT(*) > 1`;
  const rows = (await runner.query(
    `SELECT id, email, ${EMAIL_KEY} AS compared FROM (
       SELECT id, ${email} AS email, ${coarse} AS form FROM ${table} WHERE is_deleted = 0 AND email IS NOT NULL
     ) AS live WHERE form IN (SELECT form FROM (${candidates}) AS repeated) ORDER BY id`,
  )) as Array<{ id: number; email: string; compared: string }>;
  const groups = new Map<string, number[]>();
  const add = (key: string, id: number): void => void groups.set(key, [...(groups.get(key) ?? []), id]);
  for (const { id, email, compared } of rows) {
    add(`api ${normalizeEmail(email)}`, id);
    add(`index ${compared}`, id);
  }
  const collisions = [...groups.values()].filter((ids) => ids.length > 1);
  return [...new Set(collisions.map((ids) => ids.join()))].map((ids) => ({ table, ids: ids.split(',').map(Number) }));
}
