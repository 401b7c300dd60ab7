import { type Customer, ProblemError } from '../../client/src/index.js';
import type { Answer } from './client.js';
import { type NewCustomer, newCustomer, type TestService } from './service.js';

/** An RFC 3339 time with milliseconds, as in every response. */
export const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** Creates customers, reads their rows, and checks that refused requests write nothing. */
export class CustomerFixture {
  constructor(private readonly service: TestService) {}

  query(sql: string, values: unknown[] = []): Promise<any[]> {
    return this.service.dataSource.query(sql, values);
  }

  async rowOf(id: number): Promise<any> {
    return (await this.query('SELECT * FROM customers WHERE id = ?', [id]))[0];
  }

  historyOf(id: number): Promise<any[]> {
    return this.query(`SELECT * FROM history WHERE resource = 'customer' AND resource_id = ? ORDER BY version`, [id]);
  }

  async create(overrides: Partial<NewCustomer> = {}): Promise<Customer> {
    const { data, response } = await this.service.admin.crm.POST('/customers', { body: newCustomer(overrides) });
    expect(response.status).toBe(201);
    return data;
  }

  async createDeleted(overrides: Partial<NewCustomer> = {}): Promise<Customer> {
    const customer = await this.create(overrides);
    await this.service.admin.crm.deleteCustomer(customer);
    return customer;
  }

  /** What a refused write could have changed: totals, and the newest rows. */
  snapshot(): Promise<unknown> {
    return Promise.all([
      this.query('SELECT COUNT(*) AS customers, SUM(version) AS versions, SUM(is_deleted) AS deleted FROM customers'),
      this.query('SELECT * FROM customers ORDER BY id DESC LIMIT 5'),
      this.query('SELECT COUNT(*) AS entries FROM history'),
      this.query('SELECT COUNT(*) AS records FROM idempotency_records'),
    ]);
  }

  /** Expects every request, of either client, to be refused without a write; returns the last refusal. */
  async expectRefused(status: number, code: string, ...requests: Array<() => Promise<unknown>>): Promise<Answer> {
    const before = await this.snapshot();
    let answer!: Answer;
    for (const request of requests) {
      answer = await request().then(
        (response) => response as Answer,
        (error: unknown) => answerOf(error),
      );
      expect({ status: answer.status, code: answer.body?.code }).toEqual({ status, code });
      expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
    }
    expect(await this.snapshot()).toEqual(before);
    return answer;
  }

  async expectInvalid(pointers: string[], request: () => Promise<unknown>): Promise<void> {
    const { body } = await this.expectRefused(400, 'invalid_request', request);
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual(pointers);
  }
}

/** What the typed client throws, as the other client returns it. */
function answerOf(error: unknown): Answer {
  if (!(error instanceof ProblemError)) throw error;
  return { status: error.response.status, headers: error.response.headers, body: error.problem };
}
