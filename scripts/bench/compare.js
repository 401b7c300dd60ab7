import { deepStrictEqual, strictEqual } from 'node:assert/strict';

const PAGE_SIZE = 200;
const SEARCH_COLUMNS = [
  'name_key',
  'surname_key',
  'company_key',
  'email_sort',
  'email_key',
  'search_text',
  'indexed_at',
];

/** Fails unless the two servers respond alike and write the same: otherwise they must not be compared. */
export async function compare(service, bare, database) {
  const [one, other] = await both(service, bare, '/customers/7');
  deepStrictEqual(one.body, other.body);
  for (const server of [service, bare])
    strictEqual((await send(server, '/customers/7', { headers: { 'if-none-match': '"v1"' } })).status, 304);
  const deep = ({ cursor }) => `/customers?limit=50&sort=surname&cursor=${cursor}`;
  for (const path of [() => '/customers?limit=50', deep]) {
    const [page, otherPage] = await both(service, bare, path);
    deepStrictEqual(page.body.data, otherPage.body.data);
    strictEqual(page.body.data.length, 50);
    strictEqual(typeof page.body.page.next, typeof otherPage.body.page.next);
  }
  deepStrictEqual(await write(service, database), await write(bare, database));
}

/**
 * Pages through the service to the middle of the list by surname, and gives both servers a cursor of the row where that
 * page ends.
 */
export async function seekDeepPage(service, bare, rows, database) {
  let cursor = '';
  let last;
  for (let seen = 0; seen < rows / 2; seen += PAGE_SIZE) {
    const path = `/customers?limit=${PAGE_SIZE}&sort=surname${cursor && `&cursor=${cursor}`}`;
    const { data, page } = (await send(service, path)).body;
    cursor = page.next;
    last = data.at(-1);
  }
  service.cursor = cursor;
  bare.cursor = Buffer.from(JSON.stringify([await database.surnameKeyOf(last.id), last.id])).toString('base64url');
}

/** The rows that a POST and a PATCH of one customer write, without the values that have to differ. */
async function write(server, database) {
  const customer = {
    email: `${server.name}@example.com`,
    name: 'Ana María',
    surname: 'de la Cruz',
    phone: '+34600123456',
  };
  const created = await send(server, '/customers', { method: 'POST', body: customer });
  const { id } = created.body;
  const updated = await send(server, `/customers/${id}`, { method: 'PATCH', body: { company: 'Cruz & Hijos' } });
  const history = await database.historyOf(id);
  const [row] = await database.query('SELECT * FROM customers WHERE id = ?', [id]);
  // the bare server has no search
  for (const name of SEARCH_COLUMNS) delete row[name];
  strictEqual(row.version, 2);
  strictEqual(history.length, 2);
  const responses = [created, updated].map(({ status, body }) => ({ status, body }));
  return JSON.parse(
    JSON.stringify({ responses, row, history }, (name, value) => {
      if (/^(id|resource_id|request_id)$/.test(name)) return typeof value;
      // MySQL parses JSON columns, MariaDB returns their text
      if (/^(changes|state)$/.test(name) && typeof value === 'string') return JSON.parse(value);
      return value;
    })
      .replaceAll(server.name, 'SERVER')
      .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME'),
  );
}

const both = (service, bare, path) =>
  Promise.all([service, bare].map((server) => send(server, typeof path === 'string' ? path : path(server))));

async function send({ url, token }, path, { method = 'GET', headers = {}, body } = {}) {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }), ...headers },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (response.status >= 400) throw new Error(`${method} ${url}${path}: ${response.status} ${text}`);
  return { status: response.status, body: text && JSON.parse(text) };
}
