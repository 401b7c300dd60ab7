import { searchColumns, wordRows } from './sample-rows.js';

/** Customers of a statement. */
const BATCH_SIZE = 2_000;
/** Customers whose words are sorted, so that the index grows in few places at a time. */
const WORDS_OF = 50_000;
const FIELDS = ['email', 'name', 'surname', 'phone', 'company'];

/**
 * Customers with the ids 1 to `rows` as `customerOf` makes them, their words, and version 1 of each in the history: by
 * large statements, as the service would need hours.
 */
export async function fill(database, rows, customerOf) {
  const hasKeys = await database.hasKeys();
  let words = [];
  for (let start = 1; start <= rows; start += BATCH_SIZE) {
    const batch = [];
    for (let n = start; n < start + BATCH_SIZE && n <= rows; n++) {
      const customer = customerOf(n);
      if (hasKeys) Object.assign(customer, searchColumns(customer));
      batch.push(customer);
    }
    await database.insert('customers', Object.keys(batch[0]), batch.map(Object.values));
    if (!hasKeys) continue;
    for (const customer of batch) words.push(...wordRows(customer));
    if ((start + BATCH_SIZE - 1) % WORDS_OF !== 0 && start + BATCH_SIZE <= rows) continue;
    words.sort(compareWords);
    await database.insert('customer_words', ['is_deleted', 'word', 'id'], words);
    words = [];
  }
  await addHistory(database);
  await database.analyze();
}

const compareWords = ([deleted, word, id], [otherDeleted, otherWord, otherId]) =>
  deleted - otherDeleted || (word < otherWord ? -1 : word > otherWord ? 1 : id - otherId);

async function addHistory(database) {
  const changes = FIELDS.map((name) => `'${name}', JSON_ARRAY(NULL, ${name})`);
  const state = [...FIELDS.map((name) => `'${name}', ${name}`), `'notes', NULL, 'photo', NULL, 'deletedAt', NULL`];
  const [column, value] = (await database.hasState()) ? [', state', `, JSON_OBJECT(${state})`] : ['', ''];
  // the service would number the entries while it is measured
  const [sequence, number] = (await database.hasSequence()) ? [', sequence', ', id'] : ['', ''];
  await database.query(
    `INSERT INTO history (resource, resource_id, version, action, changed_by, changed_at, request_id, changes${column}${sequence})
     SELECT 'customer', id, 1, 'created', created_by, created_at, NULL, JSON_OBJECT(${changes})${value}${number} FROM customers`,
  );
}
