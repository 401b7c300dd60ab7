import { COMMON, RARE, sqlTime } from './sample-rows.js';

const SORT_KEYS = ['id', 'name', 'surname', 'email', 'createdAt', 'lastModifiedAt'];
export const SORTS = SORT_KEYS.flatMap((key) => [`-${key}`, key]);

/** What people type into a search box. */
export const SEARCHES = {
  'one-letter word': { q: 'a' },
  'two-letter prefix': { q: 'ga' },
  'rare full name': { q: `${RARE.name} ${RARE.surname}` },
  'two broad words': { q: 'ana garcia' },
  'word that no customer has': { q: 'zzyzx' },
  'phone prefix': { q: '+34 600 1' },
  'narrow phone prefix': { q: '600 123 4' },
};

/** Values of each filter that most rows have, some, and few. */
export async function filters(database, [admin, second, third]) {
  const timeAt = async (column, share) => {
    const [{ n }] = await database.query('SELECT COUNT(*) AS n FROM customers');
    const sql = `SELECT ${column} AS time FROM customers ORDER BY ${column} DESC LIMIT 1 OFFSET ${Math.floor(n * share)}`;
    const [{ time }] = await database.query(sql);
    return `${(time instanceof Date ? sqlTime(time) : time).replace(' ', 'T')}Z`;
  };
  const times = async (column) => ({
    most: await timeAt(column, 0.9),
    half: await timeAt(column, 0.5),
    some: await timeAt(column, 0.1),
    few: await timeAt(column, 0.0002),
  });
  return {
    createdBy: { most: admin, some: second, few: third },
    createdSince: await times('created_at'),
    modifiedSince: await times('last_modified_at'),
    name: { some: COMMON.name, few: RARE.name },
    surname: { some: COMMON.surname, few: RARE.surname },
    company: { some: COMMON.company, few: RARE.company },
    phone: { some: COMMON.phone, few: RARE.phone },
    hasPhoto: { most: false, some: true },
    deleted: { half: true },
    q: { most: 'c', some: 'garcia', few: 'zenobia' },
  };
}

/** Each filter alone and, if asked for, each two of them. */
export function combinations(filters, inPairs) {
  const single = Object.entries(filters).flatMap(([name, values]) =>
    Object.entries(values).map(([share, value]) => ({
      names: [name],
      title: `${name} (${share})`,
      query: { [name]: value },
    })),
  );
  if (!inPairs) return single;
  const pairs = single.flatMap((one, n) =>
    single
      .slice(n + 1)
      .filter((other) => other.names[0] !== one.names[0])
      .map((other) => ({ title: `${one.title}, ${other.title}`, query: { ...one.query, ...other.query } })),
  );
  return [{ title: 'none', query: {} }, ...single, ...pairs];
}
