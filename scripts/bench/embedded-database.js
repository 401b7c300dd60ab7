import { join } from 'node:path';
import Libsql from 'libsql';

/** Values of a statement: SQLite allows 32,766. */
const MAX_VALUES = 30_000;

/** The embedded database of a service that has been stopped. */
export class EmbeddedDatabase {
  uri = undefined;

  constructor(directory) {
    this.database = new Libsql(join(directory, 'crm.sqlite'));
    // a benchmark can start again: nothing waits for the disk
    for (const setting of ['journal_mode = WAL', 'synchronous = OFF', 'cache_size = -1000000', 'temp_store = MEMORY'])
      this.database.exec(`PRAGMA ${setting}`);
  }

  query(sql, values = []) {
    const statement = this.database.prepare(sql);
    return Promise.resolve(statement.reader ? statement.all(values) : statement.run(values));
  }

  async insert(table, columns, rows) {
    const size = Math.floor(MAX_VALUES / columns.length);
    const row = `(${columns.map(() => '?').join()})`;
    this.database.exec('BEGIN');
    for (let start = 0; start < rows.length; start += size) {
      const part = rows.slice(start, start + size);
      await this.query(`INSERT INTO ${table} (${columns}) VALUES ${part.map(() => row).join()}`, part.flat());
    }
    this.database.exec('COMMIT');
  }

  hasKeys() {
    return Promise.resolve(true);
  }

  hasState() {
    return Promise.resolve(true);
  }

  hasSequence() {
    return Promise.resolve(true);
  }

  analyze() {
    return Promise.resolve();
  }

  async version() {
    const [{ version }] = await this.query('SELECT sqlite_version() AS version');
    return `SQLite ${version}`;
  }

  /** The file lies in the directory of the service. */
  remove() {
    this.close();
  }

  close() {
    this.database.close();
  }
}
