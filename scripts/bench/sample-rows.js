// Invented customers: always the same one for a number. The words are those that the service would store.
import { keyOf } from '../../dist/src/search/fold.js';
import { mailboxOf } from '../../dist/src/search/mailbox.js';
import { indexedWords, searchText } from '../../dist/src/search/search-text.js';

const NAMES =
  'Ana,Bruno,Carla,Diego,Elena,Felix,Greta,Hugo,Ines,Jan,Karin,Luis,María,Nils,Olga,Pablo,Rosa,Sven,Tina,Ugo'.split(
    ',',
  );
const SURNAMES =
  'Alonso,Bauer,Castro,Díaz,Engel,Fischer,García,Huber,Ibáñez,Jansen,Keller,López,Müller,Navarro,Ortega,Pérez,Quirós,Romero,Schmidt,Torres,Ulrich,Vega,Weber,Ximénez,Zapata'.split(
    ',',
  );
const FIRST_DAY = Date.UTC(2022, 0, 1);
const LAST_DAY = Date.UTC(2025, 6, 1);
const YEAR_MS = 365 * 24 * 3600_000;

/** Rows with a value that few others have. */
export const RARE = { name: 'Zenobia', surname: 'Quintanilla', company: 'Única S. A.', phone: '+34910000001' };
/** Values that many rows have. */
export const COMMON = { name: 'Ana', surname: 'García Müller', company: 'Común S. A.', phone: '+34910000000' };

/**
 * As after some years of use: half of the customers deleted, a tenth with photos, a third changed later. The admin made
 * nearly all, in an import; the second user the last twentieth, and the third one a few.
 */
export function variedCustomer(n, rows, [admin, second, third]) {
  const customer = plainCustomer(n, rows, admin);
  if (random(n, 'deleted') < 0.5) Object.assign(customer, { is_deleted: 1, deleted_at: customer.last_modified_at });
  if (random(n, 'photo') < 0.1) customer.photo_key = `bench/${n}`;
  if (random(n, 'changed') < 0.3) customer.last_modified_at = sqlTime(timeOf(n, rows) + random(n, 'later') * YEAR_MS);
  if (random(n, 'common') < 0.05) customer.company = COMMON.company;
  if (random(n, 'shared') < 0.02) customer.phone = COMMON.phone;
  const rare = n % Math.ceil(rows / 20) === 7;
  if (rare) Object.assign(customer, RARE);
  customer.created_by = rare ? third : n > rows * 0.95 ? second : admin;
  return customer;
}

/** Version 1, active, created by the admin. */
export function plainCustomer(n, rows, admin) {
  const time = sqlTime(timeOf(n, rows));
  return {
    id: n,
    email: `customer-${n}@example.com`,
    name: pick(NAMES, n, 'name'),
    surname: `${pick(SURNAMES, n, 'first')} ${pick(SURNAMES, n, 'second')}`,
    phone: `+34${600_000_000 + n}`,
    company: `${pick(SURNAMES, n, 'company')} & Hijos ${n}`,
    photo_key: null,
    created_by: admin,
    last_modified_by: admin,
    created_at: time,
    last_modified_at: time,
    is_deleted: 0,
    deleted_at: null,
    version: 1,
  };
}

/** What the service derives from a customer. */
export function searchColumns({ name, surname, company, email, phone, last_modified_at }) {
  return {
    name_key: key(name),
    surname_key: key(surname),
    company_key: key(company),
    email_sort: email,
    email_key: mailboxOf(email),
    search_text: searchText({ email, name, surname, company, phone }),
    indexed_at: last_modified_at,
  };
}

export const wordRows = ({ id, is_deleted, search_text }) =>
  [...indexedWords(search_text)].map((word) => [is_deleted, word, id]);

/** Ids and times grow together, as in life. */
const timeOf = (n, rows) => FIRST_DAY + ((LAST_DAY - FIRST_DAY) / rows) * n;

export const sqlTime = (ms) => new Date(ms).toISOString().replace('T', ' ').slice(0, 23);

const keys = new Map();
function key(text) {
  if (keys.size > 10_000) keys.clear();
  if (!keys.has(text)) keys.set(text, keyOf(text));
  return keys.get(text);
}

const pick = (list, n, purpose) => list[Math.floor(random(n, purpose) * list.length)];

/** From 0 to 1: a mixing function (of MurmurHash3) of the number and the purpose. */
function random(n, purpose) {
  let mixed = n;
  for (const character of purpose) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x85ebca6b) ^ (mixed >>> 13);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0xc2b2ae35);
  return ((mixed ^ (mixed >>> 16)) >>> 0) / 4_294_967_296;
}
