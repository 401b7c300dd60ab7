import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { TestService } from './service.js';

/** The tables and columns that contain a text anywhere, also inside of JSON. */
export async function findInDatabase({ dataSource }: TestService, text: string): Promise<string[]> {
  const isEmbedded = dataSource.options.type === 'better-sqlite3';
  const tables = await dataSource.query<Array<{ name: string }>>(
    isEmbedded
      ? `SELECT name FROM sqlite_master WHERE type = 'table'`
      : 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
  );
  const found = new Set<string>();
  for (const { name } of tables)
    for (const row of await dataSource.query<Array<Record<string, unknown>>>(`SELECT * FROM ${name}`))
      for (const [column, value] of Object.entries(row))
        if (JSON.stringify(value).toLowerCase().includes(text.toLowerCase())) found.add(`${name}.${column}`);
  return [...found];
}

/** The files below a directory whose name or content contains a text: the embedded database with its log, and photos. */
export function findInFiles(directory: string, text: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) => {
    const path = join(directory, file);
    return file.includes(text) || (statSync(path).isFile() && readFileSync(path).includes(text));
  });
}
