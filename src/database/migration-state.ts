import type { DataSource } from 'typeorm';

export interface MigrationState {
  applied: string[];
  pending: string[];
  /** Applied by a newer version of the service. */
  unknown: string[];
}

/** Read-only, unlike TypeORM's own check, which creates the `migrations` table. */
export async function migrationState(dataSource: DataSource): Promise<MigrationState> {
  const known = dataSource.migrations.map(({ constructor }) => constructor.name);
  const recorded = await readRecorded(dataSource);
  return {
    applied: known.filter((name) => recorded.includes(name)),
    pending: known.filter((name) => !recorded.includes(name)),
    unknown: recorded.filter((name) => !known.includes(name)),
  };
}

async function readRecorded(dataSource: DataSource): Promise<string[]> {
  const runner = dataSource.createQueryRunner();
  try {
    if (!(await runner.hasTable('migrations'))) return [];
    const rows = (await runner.query('SELECT name FROM migrations ORDER BY id')) as Array<{ name: string }>;
    return rows.map(({ name }) => name);
  } finally {
    await runner.release();
  }
}
