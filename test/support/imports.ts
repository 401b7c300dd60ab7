import type { Answer, Client } from './client.js';

/** Sends a file to import, as CSV unless `type` says otherwise. */
export const importFile = (
  client: Client,
  file: string | Uint8Array | FormData,
  query: Record<string, string> = {},
  type = 'text/csv',
): Promise<Answer> =>
  client.post(`/customers/import?${new URLSearchParams(query).toString()}`, file, {
    headers: file instanceof FormData ? {} : { 'content-type': type },
  });

export const NDJSON = 'application/x-ndjson';

/** The sums of the last event, which must be `done`: rows, created, updated, skipped, failed. */
export function sumsOf({ status, body }: Answer): number[] {
  expect(status).toBe(200);
  const { event, rows, created, updated, skipped, failed } = body.at(-1);
  expect(event).toBe('done');
  return [rows, created, updated, skipped, failed];
}

/** The refused rows, each with pointer and code of its errors, or the code of its problem. */
export const refusedRows = ({ body }: Answer): unknown[] =>
  body
    .filter(({ event }: any) => event === 'rowError')
    .map(({ row, problem }: any) => [
      row,
      problem.errors?.map(({ pointer, code }: any) => `${pointer} ${code}`).join(', ') ?? problem.code,
    ]);
