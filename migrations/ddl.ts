import type { QueryRunner } from 'typeorm';

export const isSqlite = (runner: QueryRunner): boolean => runner.dataSource.options.type === 'better-sqlite3';

/** For every table we make on a server; the embedded database stores UTF-8 anyway. */
export const UTF8MB4 = 'DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci';
/** A column that is compared byte by byte. */
export const BINARY = 'CHARACTER SET utf8mb4 COLLATE utf8mb4_bin';

// TypeORM's check for drift finds SQLite's foreign keys and its AUTOINCREMENT in the text of the table, if quoted.

export const serialId = (runner: QueryRunner): string =>
  isSqlite(runner) ? '"id" integer PRIMARY KEY AUTOINCREMENT NOT NULL' : 'id int NOT NULL AUTO_INCREMENT PRIMARY KEY';

export function foreignKey(runner: QueryRunner, name: string, column: string, table: string): string {
  const quote = (identifier: string): string => runner.dataSource.driver.escape(identifier);
  return `CONSTRAINT ${quote(name)} FOREIGN KEY (${quote(column)}) REFERENCES ${quote(table)} (${quote('id')}) ON DELETE NO ACTION ON UPDATE NO ACTION`;
}

/**
 * MySQL commits every DDL statement at once: a migration that was killed half-way is run again from its start. So
 * each step looks whether it was done.
 */
export async function addColumns(runner: QueryRunner, table: string, columns: Record<string, string>): Promise<void> {
  for (const [name, definition] of Object.entries(columns))
    if (!(await runner.hasColumn(table, name))) await runner.query(`ALTER TABLE ${table} ADD ${name} ${definition}`);
}

export async function dropColumns(runner: QueryRunner, table: string, names: string[]): Promise<void> {
  for (const name of names)
    if (await runner.hasColumn(table, name)) await runner.query(`ALTER TABLE ${table} DROP COLUMN ${name}`);
}

export async function createIndex(
  runner: QueryRunner,
  table: string,
  name: string,
  columns: string,
  kind: '' | 'UNIQUE' = '',
): Promise<void> {
  if (!(await hasIndex(runner, table, name)))
    await runner.query(`CREATE ${kind} INDEX ${name} ON ${table} (${columns})`);
}

export async function dropIndex(runner: QueryRunner, table: string, name: string): Promise<void> {
  if (!(await hasIndex(runner, table, name))) return;
  await runner.query(isSqlite(runner) ? `DROP INDEX ${name}` : `DROP INDEX ${name} ON ${table}`);
}

async function hasIndex(runner: QueryRunner, table: string, name: string): Promise<boolean> {
  const sql = isSqlite(runner)
    ? `SELECT 1 FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND name = ?`
    : `SELECT 1 FROM information_schema.statistics WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ?`;
  const found = (await runner.query(sql, [table, name])) as unknown[];
  return found.length > 0;
}

/** Adds a column that the database computes. `declared` is the expression of the entity, if a dialect needs another. */
export async function addVirtualColumn(
  runner: QueryRunner,
  table: string,
  name: string,
  type: string,
  expression: string,
  declared = expression,
): Promise<void> {
  await addColumns(runner, table, { [name]: `${type} GENERATED ALWAYS AS (${expression}) VIRTUAL` });
  // servers reword the expressions of generated columns; TypeORM's check for drift compares with its own note
  const quote = (column: string): string => runner.dataSource.driver.escape(column);
  const note = ['GENERATED_COLUMN', table, name];
  await runner.query(
    `DELETE FROM typeorm_metadata WHERE ${quote('type')} = ? AND ${quote('table')} = ? AND ${quote('name')} = ?`,
    note,
  );
  await runner.query(
    `INSERT INTO typeorm_metadata (${['type', 'table', 'name', 'schema', 'value'].map(quote).join(', ')}) VALUES (?, ?, ?, ?, ?)`,
    [...note, isSqlite(runner) ? null : await runner.getCurrentDatabase(), declared],
  );
}
