import { setTimeout as sleep } from 'node:timers/promises';
import mysql from 'mysql2/promise';
import { hasMariadb, startMariadb } from '../../test/support/mariadb.js';

const NAMES =
  'Ana,Bruno,Carla,Diego,Elena,Felix,Greta,Hugo,Ines,Jan,Karin,Luis,María,Nils,Olga,Pablo,Rosa,Sven,Tina,Ugo';
const SURNAMES =
  'Alonso,Bauer,Castro,Díaz,Engel,Fischer,García,Huber,Ibáñez,Jansen,Keller,López,Müller,Navarro,Ortega,Pérez,Quirós,Romero,Schmidt,Torres,Ulrich,Vega,Weber,Ximénez,Zapata';
const FIELDS = ['email', 'name', 'surname', 'phone', 'company'];

/** A throw-away MariaDB, or the empty database that DATABASE_URI names. */
export async function openDatabase(given) {
  if (!given && !hasMariadb()) throw new Error('Install mariadbd, or set DATABASE_URI to an empty database');
  if (given && !/^(127\.|localhost$|\[::1\]$)/.test(new URL(given).hostname))
    throw new Error('DATABASE_URI must name a database on loopback');
  const mariadb = given ? undefined : await startMariadb();
  try {
    if (mariadb) await createDatabase(mariadb.uri);
    const uri = given ?? `${mariadb.uri}/bench`;
    const database = new Database(await mysql.createConnection({ uri, charset: 'utf8mb4' }), uri, mariadb);
    if ((await database.tables()).length > 0) throw new Error('DATABASE_URI must name an empty database');
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

  /** Customers with the ids 1 to `rows`, and version 1 of each in the history. */
  async fill(rows, actorId) {
    // a cross join of digits: servers limit the depth of recursive queries
    const letters = [...'abcdefghi'.slice(0, String(rows - 1).length)];
    const number = letters.map((letter, n) => `${letter}.d * ${10 ** n}`).join(' + ');
    const pick = (list, salt) => `ELT(1 + CRC32(CONCAT('${salt}', n)) % ${list.split(',').length}, ${quoted(list)})`;
    await this.query(
      `INSERT INTO customers (id, ${FIELDS}, created_by, last_modified_by, created_at, last_modified_at, is_deleted, version)
       WITH digits (d) AS (${[...'0123456789'].map((digit) => `SELECT ${digit}`).join(' UNION ALL ')}),
         numbers (n) AS (SELECT 1 + ${number} FROM ${letters.map((letter) => `digits ${letter}`).join(' CROSS JOIN ')}),
         people AS (SELECT n, TIMESTAMPADD(MICROSECOND, CRC32(n) * 22000, '2022-01-01 00:00:00') AS since FROM numbers)
       SELECT n, CONCAT('customer-', n, '@example.com'), ${pick(NAMES, 'name')},
         CONCAT(${pick(SURNAMES, 'first')}, ' ', ${pick(SURNAMES, 'second')}), CONCAT('+34', 600000000 + n),
         CONCAT(${pick(SURNAMES, 'company')}, ' & Hijos ', n), ?, ?, since, since, 0, 1
       FROM people WHERE n <= ?`,
      [actorId, actorId, rows],
    );
    const changes = FIELDS.map((name) => `'${name}', JSON_ARRAY(NULL, ${name})`);
    const state = [...FIELDS.map((name) => `'${name}', ${name}`), `'notes', NULL, 'photo', NULL, 'deletedAt', NULL`];
    const [column, value] = (await this.hasState()) ? [', state', `, JSON_OBJECT(${state})`] : ['', ''];
    await this.query(
      `INSERT INTO history (resource, resource_id, version, action, changed_by, changed_at, request_id, changes${column})
       SELECT 'customer', id, 1, 'created', created_by, created_at, CONCAT('fill-', id), JSON_OBJECT(${changes})${value}
       FROM customers`,
    );
    await this.query('ANALYZE TABLE customers, history');
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

const quoted = (list) => list.split(',').map((word) => mysql.escape(word));
