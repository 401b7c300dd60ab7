import type { DataSource } from 'typeorm';
import type { DirectQueries, SqlValue } from '../../src/database/direct-queries.js';
import type { Kind } from './databases.js';

export interface RecordedStatement {
  sql: string;
  values: SqlValue[];
}

/** Records the reads of `work`. */
export async function recordStatements(
  queries: DirectQueries,
  work: () => Promise<unknown>,
): Promise<RecordedStatement[]> {
  const statements: RecordedStatement[] = [];
  const query = queries.query.bind(queries);
  queries.query = (sql, values) => {
    statements.push({ sql, values });
    return query(sql, values);
  };
  try {
    await work();
    return statements;
  } finally {
    queries.query = query;
  }
}

/** How the database would run a statement. */
export interface Plan {
  /** Whether it sorts what it reads, instead of reading in order. */
  sorts: boolean;
  /** Whether it reads a whole table. */
  scansTable: boolean;
  /** Whether it intersects or unites indexes. */
  mergesIndexes: boolean;
  text: string;
}

export async function planOf(kind: Kind, dataSource: DataSource, { sql, values }: RecordedStatement): Promise<Plan> {
  if (kind === 'SQLite') {
    const steps: Array<{ detail: string }> = await dataSource.query(`EXPLAIN QUERY PLAN ${sql}`, values);
    const text = steps.map(({ detail }) => detail).join('\n');
    return {
      sorts: /TEMP B-TREE FOR (LAST|RIGHT|ORDER)/.test(text),
      scansTable: /SCAN customers\b(?!.*INDEX)/.test(text),
      mergesIndexes: /MULTI-INDEX/.test(text),
      text,
    };
  }
  const steps: any[] = await dataSource.query(`EXPLAIN FORMAT=TRADITIONAL ${sql}`, values);
  const texts = steps.map(({ table, type, key, Extra }) => [table, type, key, Extra].join(' '));
  return {
    sorts: steps.some(({ Extra }) => /filesort/.test(Extra ?? '')),
    scansTable: steps.some(({ table, type }) => table === 'customers' && type === 'ALL'),
    mergesIndexes: steps.some(({ type }) => type === 'index_merge'),
    text: texts.join('\n'),
  };
}

/** Rows and index entries that a server reads for some statements, which it counts. */
export async function readsOf(dataSource: DataSource, statements: RecordedStatement[]): Promise<number> {
  const runner = dataSource.createQueryRunner();
  const read = async (): Promise<number> => {
    const counters: Array<{ Value: string }> = await runner.query(
      `SHOW SESSION STATUS WHERE Variable_name IN ('Handler_read_first', 'Handler_read_key', 'Handler_read_last',
        'Handler_read_next', 'Handler_read_prev', 'Handler_read_rnd', 'Handler_read_rnd_next')`,
    );
    return counters.reduce((sum, { Value }) => sum + Number(Value), 0);
  };
  try {
    const before = await read();
    for (const { sql, values } of statements) await runner.query(sql, values);
    // each SHOW STATUS reads its own result
    return (await read()) - before;
  } finally {
    await runner.release();
  }
}
