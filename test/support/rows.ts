import type { Customer } from '../../client/src/index.js';
import type { Answer, Client } from './client.js';
import { type NewCustomer, newCustomer, type TestService } from './service.js';

/** Looks at the rows that writes leave behind, past the API. */
export class Rows {
  constructor(private readonly service: () => TestService) {}

  query = (sql: string, values: unknown[] = []): Promise<any[]> => this.service().dataSource.query(sql, values);

  count = async (from: string, values: unknown[] = []): Promise<number> =>
    Number((await this.query(`SELECT COUNT(*) AS n FROM ${from}`, values))[0].n);

  withEmail = (email: string): Promise<number> => this.count('customers WHERE email = ?', [email]);

  customer = async (id: number): Promise<any> => (await this.query('SELECT * FROM customers WHERE id = ?', [id]))[0];

  history = (id: number, resource = 'customer'): Promise<any[]> =>
    this.query('SELECT * FROM history WHERE resource = ? AND resource_id = ? ORDER BY version', [resource, id]);

  /** Everything that a write can leave behind. */
  everything = (): Promise<unknown> =>
    Promise.all(
      ['customers', 'users', 'history', 'idempotency_records'].map((table) => this.query(`SELECT * FROM ${table}`)),
    );

  /** A new customer, as the API returns it. */
  create = (overrides: Partial<NewCustomer> = {}): Promise<Customer> =>
    this.service().admin.crm.createCustomer(newCustomer(overrides));
}

export const keyed = (key: string): { headers: Record<string, string> } => ({ headers: { 'idempotency-key': key } });

export const expectCode = ({ status, body }: Answer, expected: number, code: string): void =>
  expect({ status, code: body.code }).toEqual({ status: expected, code });

/** The response as it comes over the wire, not checked against the OpenAPI. */
export async function sendUnchecked(
  { url, accessToken }: Client,
  method: string,
  path: string,
  body?: unknown,
  headers?: Record<string, string>,
): Promise<{ status: number; headers: Headers; text: string }> {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${accessToken}`,
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

export const times = <T>(n: number, work: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: n }, (_, index) => work(index)));
