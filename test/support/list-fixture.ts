import type { paths } from '../../client/src/index.js';
import { newCustomer, newUser, type TestService } from './service.js';

/** Creation and modification times of the inserted rows. */
export const TIMES = [
  '2024-01-01 00:00:00.000',
  '2024-01-01 00:00:00.001',
  '2024-01-01 00:00:01.000',
  '2025-06-30 23:59:59.999',
];

export interface CustomerRow {
  email: string;
  name: string;
  surname: string;
  createdBy: number;
  createdAt: string;
  modifiedAt: string;
  isDeleted: boolean;
}

export const newRow = (createdBy: number, overrides: Partial<CustomerRow> = {}): CustomerRow => ({
  email: newCustomer().email,
  name: 'Ana María',
  surname: 'de la Cruz',
  createdBy,
  createdAt: TIMES[0]!,
  modifiedAt: TIMES[0]!,
  isDeleted: false,
  ...overrides,
});

type ListPath = '/customers' | '/users';
export type CustomersQuery = NonNullable<paths['/customers']['get']['parameters']['query']>;
export type UsersQuery = NonNullable<paths['/users']['get']['parameters']['query']>;
export type Sort = NonNullable<CustomersQuery['sort']>;
type QueryOf<Path extends ListPath> = Path extends '/users' ? UsersQuery : CustomersQuery;
type ItemOf<Path extends ListPath> = paths[Path]['get']['responses'][200]['content']['application/json']['data'][0];

/** A page of a list, and its headers. */
interface ListPage<Item> {
  items: Item[];
  ids: number[];
  page: paths['/customers']['get']['responses'][200]['content']['application/json']['page'];
  headers: Headers;
}

/** Inserts rows and reads lists. The tests of a file share the table, so every test filters by its own `newOwner()`. */
export class ListFixture {
  constructor(private readonly service: TestService) {}

  query(sql: string, values: unknown[] = []): Promise<any[]> {
    return this.service.dataSource.query(sql, values);
  }

  /** A user for `createdBy`. */
  async newOwner(): Promise<number> {
    const body = newUser({ password: undefined });
    return (await this.service.admin.crm.POST('/users', { body })).data.id;
  }

  /** Inserts rows as the Flask service left them. */
  async insertCustomers(rows: CustomerRow[]): Promise<void> {
    for (const { email, name, surname, createdBy, createdAt, modifiedAt, isDeleted } of rows)
      await this.query(
        `INSERT INTO customers (email, name, surname, created_by, last_modified_by, created_at, last_modified_at, is_deleted)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        [email, name, surname, createdBy, createdBy, createdAt, modifiedAt, isDeleted ? 1 : 0],
      );
  }

  async list<Path extends ListPath>(path: Path, query: QueryOf<Path>): Promise<ListPage<ItemOf<Path>>> {
    const { data, response } = await this.service.admin.crm.GET(path as '/customers', { params: { query } });
    expect(response.status).toBe(200);
    const items = data.data as Array<ItemOf<Path>>;
    return { items, ids: items.map(({ id }) => id), page: data.page, headers: response.headers };
  }

  async listIds<Path extends ListPath>(path: Path, query: QueryOf<Path>): Promise<number[]> {
    return (await this.list(path, query)).ids;
  }

  /** The ids on all pages, following the cursor of each page to the next. */
  async walk<Path extends ListPath>(
    path: Path,
    query: QueryOf<Path> & { limit: number },
    betweenPages?: (page: Array<ItemOf<Path>>) => Promise<void>,
  ): Promise<number[]> {
    const ids: number[] = [];
    let answer = await this.list(path, query);
    for (;;) {
      ids.push(...answer.ids);
      expect(ids.length).toBeLessThan(1000);
      const { next } = answer.page;
      if (next === null) return ids;
      expect(answer.items).toHaveLength(query.limit);
      await betweenPages?.(answer.items);
      answer = await this.list(path, { ...query, cursor: next });
    }
  }

  /** The request may be one that the typed client does not send. */
  async expectInvalid(path: string, pointer: string): Promise<void> {
    const { status, body } = await this.service.admin.get(path);
    expect({ path, status, code: body.code }).toEqual({ path, status: 400, code: 'invalid_request' });
    expect(body.errors.map((error: any) => error.pointer)).toEqual([pointer]);
  }
}
