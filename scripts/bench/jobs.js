/** A request in progress on each. */
export const CONNECTIONS = 32;

/** One `company` per write, so that no PATCH is a change of nothing; one e-mail per POST. */
let counter = 0;
const unique = () => `${process.pid}-${++counter}`;
const randomId = ({ rows }) => 1 + Math.floor(Math.random() * rows);

/** What the generator sends. Reads come before the writes: `not-modified` needs rows of version 1. */
export const JOBS = {
  get: { title: 'GET one', status: 200, request: (target) => get(`/${randomId(target)}`) },
  'not-modified': {
    title: 'GET one, 304',
    status: 304,
    request: (target) => get(`/${randomId(target)}`, { 'if-none-match': '"v1"' }),
  },
  list: { title: 'list of 50', status: 200, request: () => get('?limit=50') },
  'deep-page': {
    title: 'deep page of 50',
    status: 200,
    request: ({ cursor }) => get(`?limit=50&sort=surname&cursor=${cursor}`),
  },
  post: {
    title: 'POST',
    status: 201,
    isWrite: true,
    request: () => send('POST', '', { ...CUSTOMER, email: `new-${unique()}@example.com` }),
  },
  patch: {
    title: 'PATCH',
    status: 200,
    isWrite: true,
    request: (target) => send('PATCH', `/${randomId(target)}`, { company: `Cruz & Hijos ${unique()}` }),
  },
};

const CUSTOMER = { name: 'Ana María', surname: 'de la Cruz', phone: '+34600123456', company: 'Cruz & Hijos' };

const get = (path, headers = {}) => ({ method: 'GET', path: `/customers${path}`, headers });

const send = (method, path, body) => ({
  method,
  path: `/customers${path}`,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
