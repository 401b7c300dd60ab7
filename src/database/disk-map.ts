import Libsql from 'libsql';

type Statement = ReturnType<InstanceType<typeof Libsql>['prepare']>;

/** A map for more entries than fit into the memory: in a temporary file, which SQLite deletes when it is closed. */
export class DiskMap<Value> {
  private readonly database = new Libsql('');
  private readonly select: Statement;
  private readonly upsert: Statement;

  constructor() {
    // nothing is lost with the file: no journal, no waiting for the disk
    this.database.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE');
    this.database.exec('CREATE TABLE entries (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID');
    this.select = this.database.prepare('SELECT value FROM entries WHERE name = ?');
    this.upsert = this.database.prepare('INSERT OR REPLACE INTO entries VALUES (?, ?)');
  }

  get(name: string): Value | undefined {
    const row = this.select.get(name) as { value: string } | undefined;
    return row && (JSON.parse(row.value) as Value);
  }

  set(name: string, value: Value): void {
    this.upsert.run([name, JSON.stringify(value)]);
  }

  close(): void {
    this.database.close();
  }
}
