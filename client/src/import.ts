import { jsonLines } from './lines.js';
import { ProblemError } from './problem-error.js';
import type { components, paths } from './schema.js';

type ImportPost = paths['/customers/import']['post'];
export type ImportEvent = ImportPost['responses'][200]['content']['application/x-ndjson'];
/** The sums of the whole file. */
export type ImportResult = Omit<components['schemas']['DoneEvent'], 'event'>;

export type ImportOptions = NonNullable<ImportPost['parameters']['query']> & {
  /** Default: NDJSON by the type or name of the file, otherwise CSV. */
  format?: 'csv' | 'ndjson';
  /** Called for every event, as the service writes it: columns, progress, refused rows. */
  onProgress?: (event: ImportEvent) => void;
  signal?: AbortSignal;
};

export function importRequest(baseUrl: string, file: Blob | string, options: ImportOptions): Request {
  const { format, onProgress: _, signal, ...query } = options;
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value));
  const type = (format ?? formatOf(file)) === 'ndjson' ? 'application/x-ndjson' : 'text/csv';
  return new Request(`${baseUrl}/customers/import?${search}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: file,
    signal,
  });
}

/** Throws if the service refuses the file, or stops in the middle; what was reported until then is stored. */
export async function readImport(response: Response, onProgress?: ImportOptions['onProgress']): Promise<ImportResult> {
  if (!response.ok) throw await ProblemError.from(response);
  for await (const event of jsonLines<ImportEvent>(response.body!)) {
    onProgress?.(event);
    if (event.event === 'done') {
      const { event: _, ...sums } = event;
      return sums;
    }
    if (event.event === 'aborted') {
      const { code, detail } = event.problem;
      throw new ProblemError(
        {
          type: 'about:blank',
          title: 'Import aborted',
          status: response.status,
          detail,
          instance: '/customers/import',
          code,
          requestId: response.headers.get('x-request-id') ?? '',
        },
        response,
      );
    }
  }
  throw new TypeError('The connection was lost during the import; importing the file again continues it');
}

function formatOf(file: Blob | string): 'csv' | 'ndjson' {
  if (typeof file === 'string') return 'csv';
  const name = 'name' in file ? String(file.name) : '';
  return file.type.includes('ndjson') || /\.(ndjson|jsonl)$/i.test(name) ? 'ndjson' : 'csv';
}
