import { ProblemError } from '../../client/src/index.js';
import type { Answer } from './client.js';
import type { TestService } from './service.js';

const TABLES = ['users', 'customers', 'history', 'idempotency_records'];

/** What no response may reveal: paths of the code, the database product, SQL. */
export const INTERNALS =
  /\bstack\b|\bsql|maria|libsql|typeorm|node_modules|\bat \/|file:\/\/|\/(?:src|dist|tmp|home)\/|\.[jt]s\b/i;

/** The error of a request of the typed client that the service must refuse. */
export async function refusalOf(request: Promise<unknown>): Promise<ProblemError> {
  const error = await request.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof ProblemError)) throw new Error(`Not a ProblemError: ${String(error)}`);
  const { status, problem, response } = error;
  expect([status, problem.requestId]).toEqual([response.status, response.headers.get('x-request-id') ?? '']);
  return error;
}

/** Expects a problem document that reveals no internals of the service. */
export function expectProblem(answer: Answer, status: number | number[], code?: string): void {
  expect([status].flat()).toContain(answer.status);
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json\b/);
  expect(answer.body).toMatchObject({ status: answer.status, code: code ?? expect.stringMatching(/^[a-z_]+$/) });
  expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
  expect(answer.body.requestId).toMatch(/^[\w.:=+/-]{1,64}$/);
  expect(JSON.stringify({ ...answer.body, instance: '' })).not.toMatch(INTERNALS);
}

/** Returns pointer and code of the first error in the body. */
export const firstError = ({ body }: Answer): [pointer: string, code: string] => [
  body.errors[0].pointer,
  body.errors[0].code,
];

/** Declares a last test for a group of refusals: none of them changed a row. */
export function leavesNoTrace(service: () => TestService): void {
  let before: unknown[];
  beforeAll(async () => {
    before = await contentsOf(service());
  });
  it('change no row', async () => {
    expect(await contentsOf(service())).toEqual(before);
  });
}

/** Reads all rows, to prove that a refusal changed none. */
async function contentsOf({ dataSource }: TestService): Promise<unknown[]> {
  return Promise.all(TABLES.map((table) => dataSource.query(`SELECT * FROM ${table} ORDER BY 1, 2, 3`)));
}
