import type { Answer } from './client.js';
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

export const idsOf = (answer: Answer): number[] => answer.body.data.map(({ id }: { id: number }) => id);

/** Inserts rows and reads lists. The tests of a file share the table, so every test filters by its own `newOwner()`. */
export class ListFixture {
  constructor(private readonly service: TestService) {}

  query(sql: string, values: unknown[] = []): Promise<any[]> {
    return this.service.dataSource.query(sql, values);
  }

  /** A user for `createdBy`. */
  async newOwner(): Promise<number> {
    const { status, body } = await this.service.admin.post('/users', newUser({ password: undefined }));
    expect(status).toBe(201);
    return body.id;
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

  async list(path: string): Promise<Answer> {
    const answer = await this.service.admin.get(path);
    expect({ path, status: answer.status }).toEqual({ path, status: 200 });
    return answer;
  }

  async listIds(path: string): Promise<number[]> {
    return idsOf(await this.list(path));
  }

  /** The ids on all pages, following the cursor of each page to the next. */
  async walk(path: string, limit: number, betweenPages?: (page: any[]) => Promise<void>): Promise<number[]> {
    const ids: number[] = [];
    let answer = await this.list(`${path}&limit=${limit}`);
    for (;;) {
      ids.push(...idsOf(answer));
      expect(ids.length).toBeLessThan(1000);
      const { next } = answer.body.page;
      if (next === null) return ids;
      expect(answer.body.data).toHaveLength(limit);
      await betweenPages?.(answer.body.data);
      answer = await this.list(`${path}&limit=${limit}&cursor=${next}`);
    }
  }

  async expectInvalid(path: string, pointer: string): Promise<void> {
    const { status, body } = await this.service.admin.get(path);
    expect({ path, status, code: body.code }).toEqual({ path, status: 400, code: 'invalid_request' });
    expect(body.errors.map((error: any) => error.pointer)).toEqual([pointer]);
  }
}
