// The least that could answer: no authentication, no validation, no history, no transaction.
import { createServer } from 'node:http';
import mysql from 'mysql2';

const pool = mysql.createPool({ uri: process.env.DATABASE_URI, connectionLimit: 10, dateStrings: true });
const COLUMNS =
  'id, email, name, surname, phone, company, notes, photo_url, created_by, last_modified_by, created_at, last_modified_at, version';

createServer((request, response) => {
  const answer = (error, value) => {
    response.writeHead(error ? 500 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(error ? { error: error.message } : value));
  };
  const url = new URL(request.url, 'http://localhost');
  if (request.method === 'POST') {
    let body = '';
    request
      .on('data', (chunk) => (body += chunk))
      .on('end', () => {
        const { email, name, surname, company } = JSON.parse(body);
        const now = new Date().toISOString().replace('T', ' ').slice(0, 23);
        pool.execute(
          `INSERT INTO customers (email, name, surname, company, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
         VALUES (?, ?, ?, ?, 1, 1, ?, ?, 0)`,
          [email, name, surname, company, now, now],
          (error, result) => answer(error, { id: result?.insertId, email, name, surname, company }),
        );
      });
  } else if (url.pathname === '/customers') {
    const limit = Number(url.searchParams.get('limit'));
    pool.execute(
      `SELECT ${COLUMNS} FROM customers WHERE is_deleted = 0 ORDER BY id DESC LIMIT ${limit}`,
      [],
      (error, rows) => answer(error, { data: rows }),
    );
  } else {
    const id = Number(url.pathname.split('/')[2]);
    pool.execute(`SELECT ${COLUMNS} FROM customers WHERE id = ?`, [id], (error, rows) => answer(error, rows?.[0]));
  }
}).listen(Number(process.env.PORT), '127.0.0.1');
