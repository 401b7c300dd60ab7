import type { Answer } from './client.js';
import type { TestService } from './service.js';

const TABLES = ['users', 'customers', 'history', 'idempotency_records'];

/** What no answer may tell: where the code is, what the database is, and how it is asked. */
export const INTERNALS =
  /\bstack\b|\bsql|maria|libsql|typeorm|node_modules|\bat \/|file:\/\/|\/(?:src|dist|tmp|home)\/|\.[jt]s\b/i;

/** A problem document with nothing about the inside of the service. */
export function expectProblem(answer: Answer, status: number | number[], code?: string): void {
  expect([status].flat()).toContain(answer.status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json\b/);
  expect(answer.body).toMatchObject({ status: answer.status, code: code ?? expect.stringMatching(/^[a-z_]+$/) });
  expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
  expect(answer.body.requestId).toMatch(/^[\w.:=+/-]{1,64}$/);
  expect(JSON.stringify({ ...answer.body, instance: '' })).not.toMatch(INTERNALS);
}

/** A problem in the body, by its pointer and code. */
export const firstError = ({ body }: Answer): [pointer: string, code: string] => [
  body.errors[0].pointer,
  body.errors[0].code,
];

/** Declared last in a group of refusals. */
export function leavesNoTrace(service: () => TestService): void {
  let before: unknown[];
  beforeAll(async () => {
    before = await contentsOf(service());
  });
  it('leave everything as it was', async () => {
    expect(await contentsOf(service())).toEqual(before);
  });
}

/** All that is stored, to see that a refusal left no trace. */
async function contentsOf({ dataSource }: TestService): Promise<unknown[]> {
  return Promise.all(TABLES.map((table) => dataSource.query(`SELECT * FROM ${table} ORDER BY 1, 2, 3`)));
}
