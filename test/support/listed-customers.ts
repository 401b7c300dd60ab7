import type { Customer } from '../../src/customers/customer.entity.js';
import { CUSTOMER_SORTS } from '../../src/customers/customer-list.js';
import { CustomersService } from '../../src/customers/customers.service.js';
import type { ListCustomersQuery } from '../../src/customers/list-customers.query.js';
import { keyOf } from '../../src/search/fold.js';
import { parseQuery } from '../../src/search/query.js';
import type { NewRow } from '../../src/writes/resource.js';
import type { TestService } from './service.js';

const NAMES = ['Ana', 'Bruno', 'Çelik', 'Ángel', 'Dina', 'Émile', 'Fátima', 'Ana', 'Gül', 'Hugo'];
const SURNAMES = ['García', 'Müller', 'García', 'Łoś', 'Nuñez', 'Ortega', 'Pérez', 'Ruiz'];
const START = Date.UTC(2023, 0, 1);
const END = Date.UTC(2025, 0, 1);

type Predicate = (customer: Customer) => boolean;

/** Many customers as after some years of use, and what a list of them has to read. */
export class ListedCustomers {
  private readonly orders = new Map<string, Customer[]>();

  private constructor(private readonly customers: Customer[]) {}

  /** Ids and times grow together; half of the customers are deleted, and few are rare. */
  static async insert(service: TestService, count: number): Promise<ListedCustomers> {
    const { resource } = service.app.get(CustomersService);
    const rows = Array.from({ length: count }, (_, n) => {
      const row = newCustomer(n, count) as Customer;
      return Object.assign(row, resource.derivedData!.columns(row));
    });
    await service.dataSource.transaction((manager) => resource.table.insertMany(manager, rows));
    const found: Array<{ id: number; email: string }> = await service.dataSource.query(
      'SELECT id, email FROM customers',
    );
    const ids = new Map(found.map(({ id, email }) => [email, id]));
    for (const row of rows) row.id = ids.get(row.email)!;
    await service.dataSource.transaction((manager) =>
      resource.derivedData!.write(
        manager,
        rows.map((after) => ({ after })),
      ),
    );
    return new ListedCustomers(rows);
  }

  /** When a share of the customers existed. */
  static timeAt = (share: number): Date => new Date(START + (END - START) * share);

  /** The ids of the list, as the contract defines it. */
  ids(query: ListCustomersQuery): number[] {
    const predicates = predicatesOf(query);
    return this.inOrder(query)
      .filter((customer) => predicates.every((matches) => matches(customer)))
      .map(({ id }) => id);
  }

  /** What the cheaper way to the first rows reads: the ids of the rarest condition, or the order up to the last row. */
  cost(query: ListCustomersQuery, limit: number): number {
    const ordered = this.inOrder(query);
    const ids = this.ids(query);
    const last = ids[limit];
    const walked = last === undefined ? ordered.length : ordered.findIndex(({ id }) => id === last);
    const counts = sourcesOf(query).map((matches) => ordered.filter(matches).length);
    return Math.min(walked, ...counts);
  }

  private inOrder({ sort = '-id', deleted = false }: ListCustomersQuery): Customer[] {
    const order = `${sort} ${deleted}`;
    const known = this.orders.get(order);
    if (known) return known;
    const { sql } = CUSTOMER_SORTS[sort.replace('-', '')]!;
    const keyOfOrder = KEYS[sql]!;
    const sorted = this.customers
      .filter(({ isDeleted }) => isDeleted === deleted)
      .sort((one, other) => compare(keyOfOrder(one), keyOfOrder(other)) || one.id - other.id);
    if (sort.startsWith('-')) sorted.reverse();
    this.orders.set(order, sorted);
    return sorted;
  }
}

function newCustomer(n: number, count: number): NewRow<Customer> & Partial<Customer> {
  const isRare = n % Math.ceil(count / 8) === 5;
  const createdAt = ListedCustomers.timeAt(n / count);
  const isChanged = n % 3 === 0;
  return {
    email: `customer-${n}@example.com`,
    name: isRare ? 'Zenobia' : NAMES[(n * 7) % 10]!,
    surname: isRare ? 'Quintanilla' : SURNAMES[(n >> 3) % 8]!,
    phone: n % 50 === 0 ? '+34910000000' : `+34${600_000_000 + n}`,
    company: isRare ? 'Única' : n % 20 === 0 ? 'Común' : `Hijos ${n}`,
    notes: null,
    photoUrl: null,
    photoKey: n % 11 === 0 ? `test/${n}` : null,
    photoWidth: null,
    photoHeight: null,
    createdBy: isRare ? 3 : n > count * 0.9 ? 2 : 1,
    lastModifiedBy: 1,
    createdAt,
    lastModifiedAt: isChanged ? new Date(createdAt.getTime() + ((n * 7919) % 10_000) * 1_000_000) : createdAt,
    version: 1,
    isDeleted: ((n * 31) >> 2) % 2 === 0,
    deletedAt: null,
  };
}

const KEYS: Record<string, (customer: Customer) => string | number> = {
  id: ({ id }) => id,
  name_key: ({ nameKey }) => nameKey,
  surname_key: ({ surnameKey }) => surnameKey,
  email_sort: ({ emailSort }) => emailSort,
  created_at: ({ createdAt }) => createdAt.getTime(),
  last_modified_at: ({ lastModifiedAt }) => lastModifiedAt.getTime(),
};

const compare = (one: string | number, other: string | number): number =>
  typeof one === 'string' ? Buffer.compare(Buffer.from(one), Buffer.from(other as string)) : one - (other as number);

const startsAWord =
  (word: string): Predicate =>
  ({ searchText }) =>
    searchText!.includes(` ${word}`);

/** Each condition; a condition without a value always holds. */
function predicatesOf(query: ListCustomersQuery): Predicate[] {
  const { q, email, name, surname, company, phone, createdBy, createdSince, modifiedSince, hasPhoto } = query;
  const equal = <Value>(expected: Value | undefined, valueOf: (customer: Customer) => Value): Predicate[] =>
    expected === undefined ? [] : [(customer) => valueOf(customer) === expected];
  const since = (time: Date | undefined, timeOf: (customer: Customer) => Date): Predicate[] =>
    time ? [(customer) => timeOf(customer) >= time] : [];
  const forms = q === undefined ? undefined : parseQuery(q)!;
  return [
    ...(forms ? [((row) => forms.some((form) => form.every((word) => startsAWord(word)(row)))) as Predicate] : []),
    ...equal(email, (row) => row.email),
    ...equal(name && keyOf(name), (row) => row.nameKey),
    ...equal(surname && keyOf(surname), (row) => row.surnameKey),
    ...equal(company && keyOf(company), (row) => row.companyKey ?? undefined),
    ...equal(phone, (row) => row.phone ?? undefined),
    ...equal(createdBy, (row) => row.createdBy),
    ...equal(hasPhoto, (row) => row.photoKey !== null),
    ...since(createdSince, (row) => row.createdAt),
    ...since(modifiedSince, (row) => row.lastModifiedAt),
  ];
}

/** Each condition; of a search for several words, each word. */
function sourcesOf({ q, ...query }: ListCustomersQuery): Predicate[] {
  const forms = q === undefined ? [] : parseQuery(q)!;
  // of several forms, the union of their rarest words is read: the longest word stands for it
  const words = forms.length === 1 ? forms[0]!.map(startsAWord) : predicatesOf({ q });
  return [...(q === undefined ? [] : words), ...predicatesOf(query)];
}
