import type { Answer } from './client.js';
import { newCustomer, type TestService } from './service.js';

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

  async create(overrides: Record<string, unknown> = {}): Promise<any> {
    const { status, body } = await this.service.admin.post('/customers', newCustomer(overrides));
    expect(status).toBe(201);
    return body;
  }

  async createDeleted(overrides: Record<string, unknown> = {}): Promise<any> {
    const customer = await this.create(overrides);
    expect((await this.service.admin.delete(`/customers/${customer.id}`)).status).toBe(204);
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

  /** Expects every request to be refused without a write; returns the last response. */
  async expectRefused(status: number, code: string, ...requests: Array<() => Promise<Answer>>): Promise<Answer> {
    const before = await this.snapshot();
    let answer!: Answer;
    for (const request of requests) {
      answer = await request();
      expect({ status: answer.status, code: answer.body.code }).toEqual({ status, code });
      expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
    }
    expect(await this.snapshot()).toEqual(before);
    return answer;
  }

  async expectInvalid(pointers: string[], request: () => Promise<Answer>): Promise<void> {
    const { body } = await this.expectRefused(400, 'invalid_request', request);
    expect(body.errors.map(({ pointer }: { pointer: string }) => pointer).sort()).toEqual(pointers);
  }
}
