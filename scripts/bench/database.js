import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { hasMariadb, startMariadb } from '../../test/support/mariadb.js';

/** Values of a statement, which a server limits by its size. */
const MAX_VALUES = 60_000;
/** Enough for a million customers with everything on. */
const BUFFER_POOL = '--innodb-buffer-pool-size=3G';

/** A throw-away MariaDB, or the empty database that DATABASE_URI names. */
export async function openDatabase(given, isFilled = false) {
  if (!given && !hasMariadb()) throw new Error('Install mariadbd, or set DATABASE_URI to an empty database');
  if (given && !/^(127\.|localhost$|\[::1\]$)/.test(new URL(given).hostname))
    throw new Error('DATABASE_URI must name a database on loopback');
  const mariadb = given ? undefined : await startMariadb([BUFFER_POOL, '--innodb-log-file-size=256M']);
  try {
    if (mariadb) await createDatabase(mariadb.uri);
    const uri = given ?? `${mariadb.uri}/bench`;
    const database = new Database(await mysql.createConnection({ uri, charset: 'utf8mb4' }), uri, mariadb);
    if (!isFilled && (await database.tables()).length > 0) throw new Error('DATABASE_URI must name an empty database');
    return database;
  } catch (error) {
    await mariadb?.remove();
    throw error;
  }
}

async function createDatabase(uri) {
  const connection = await mysql.createConnection(uri);
  await connection.query('CREATE DATABASE bench CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci');
  await connection.end();
}

class Database {
  constructor(connection, uri, mariadb) {
    this.connection = connection;
    this.uri = uri;
    this.mariadb = mariadb;
  }

  async tables() {
    const rows = await this.query(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()',
    );
    return rows.map(({ name }) => name);
  }

  async version() {
    const [{ version }] = await this.query('SELECT VERSION() AS version');
    return /mariadb/i.test(version) ? version : `MySQL ${version}`;
  }

  /** False for builds of version 0.1. */
  async hasState() {
    return (await this.query(`SHOW COLUMNS FROM history LIKE 'state'`)).length > 0;
  }

  /** False for builds without the changes feed. */
  async hasSequence() {
    return (await this.query(`SHOW COLUMNS FROM history LIKE 'sequence'`)).length > 0;
  }

  /** False for builds that sort by names as they are. */
  async hasKeys() {
    return (await this.query(`SHOW COLUMNS FROM customers LIKE 'surname_key'`)).length > 0;
  }

  /** What the service sorts a customer by. */
  async surnameKeyOf(id) {
    const column = (await this.hasKeys()) ? 'surname_key' : 'surname';
    return (await this.query(`SELECT ${column} AS surname FROM customers WHERE id = ?`, [id]))[0].surname;
  }

  /** The admin that the service creates when it starts first, after it listens. */
  async adminId() {
    for (;;) {
      const [{ id }] = await this.query('SELECT MIN(id) AS id FROM users');
      if (id) return id;
      await sleep(50);
    }
  }

  async insert(table, columns, rows) {
    const size = Math.floor(MAX_VALUES / columns.length);
    await this.query('SET unique_checks = 0, foreign_key_checks = 0');
    for (let start = 0; start < rows.length; start += size)
      await this.query(`INSERT INTO ${table} (${columns}) VALUES ?`, [rows.slice(start, start + size)]);
  }

  async analyze() {
    for (const table of await this.tables()) await this.query(`ANALYZE TABLE ${mysql.escapeId(table)}`);
  }

  /** Writes so far. Every version of a customer has its row in the history, whichever server wrote it. */
  async countWrites() {
    const [{ versions, entries }] = await this.query(
      `SELECT (SELECT SUM(version) FROM customers) AS versions,
         (SELECT COUNT(*) FROM history WHERE resource = 'customer') AS entries`,
    );
    if (Number(versions) !== Number(entries)) throw new Error(`${versions} versions, but ${entries} history entries`);
    return Number(entries);
  }

  async historyOf(id) {
    const rows = await this.query(`SELECT * FROM history WHERE resource = 'customer' AND resource_id = ?`, [id]);
    return rows.sort((a, b) => a.version - b.version);
  }

  async query(sql, values) {
    return (await this.connection.query(sql, values))[0];
  }

  close() {
    return this.connection.end();
  }

  /** Leaves a database that was given as empty as it was. */
  async remove() {
    if (this.mariadb) {
      this.connection.destroy();
      return this.mariadb.remove();
    }
    await this.query('SET FOREIGN_KEY_CHECKS = 0');
    for (const name of await this.tables()) await this.query(`DROP TABLE ${mysql.escapeId(name)}`);
    await this.connection.end();
  }
}
