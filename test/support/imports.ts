import type { ImportEvent, ImportOptions } from '../../client/src/index.js';
import type { Answer, Client } from './client.js';

/** Imports a file with the typed client. Returns the sums (rows, created, updated, skipped, failed) and the refused rows. */
export async function importWith(
  { crm }: Client,
  file: string | Blob,
  options: ImportOptions = {},
): Promise<{ events: ImportEvent[]; sums: number[]; refused: unknown[] }> {
  const events: ImportEvent[] = [];
  const result = await crm.importCustomers(file, { ...options, onProgress: (event) => events.push(event) });
  const { rows, created, updated, skipped, failed } = result;
  return { events, sums: [rows, created, updated, skipped, failed], refused: refusalsIn(events) };
}

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
export const refusedRows = ({ body }: Answer): unknown[] => refusalsIn(body as ImportEvent[]);

const refusalsIn = (events: ImportEvent[]): unknown[] =>
  events
    .filter((event) => event.event === 'rowError')
    .map(({ row, problem }) => [
      row,
      problem.errors?.map(({ pointer, code }) => `${pointer} ${code}`).join(', ') ?? problem.code,
    ]);
