import type { DataSource } from 'typeorm';

export interface MigrationState {
  applied: string[];
  pending: string[];
  /** Applied by a version that is newer than this one. */
  unknown: string[];
}

/** TypeORM's own question for it makes its table if there is none; this one changes nothing. */
export async function migrationState(dataSource: DataSource): Promise<MigrationState> {
  const known = dataSource.migrations.map(({ constructor }) => constructor.name);
  const recorded = await recordedIn(dataSource);
  return {
    applied: known.filter((name) => recorded.includes(name)),
    pending: known.filter((name) => !recorded.includes(name)),
    unknown: recorded.filter((name) => !known.includes(name)),
  };
}

async function recordedIn(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    if (!(await runner.hasTable('migrations'))) return [];
    const rows = (await runner.query('SELECT name FROM migrations ORDER BY id')) as Array<{ name: string }>;
    return rows.map(({ name }) => name);
  } finally {
    await runner.release();
  }
}
