import { openCsv } from './csv-file.js';
import type { ImportFile } from './file-rows.js';
import { openText } from './file-text.js';
import { openNdjson } from './ndjson-file.js';

export type FileFormat = 'csv' | 'ndjson';

export interface FileOptions {
  /** Undefined: told by the first character. */
  format?: FileFormat;
  encoding?: string;
  delimiter?: string;
}

/** Opens a file of customers. Throws a problem if it cannot be read at all. */
export async function openImportFile(
  bytes: AsyncIterable<Uint8Array>,
  { format, encoding, delimiter }: FileOptions,
): Promise<ImportFile> {
  const text = await openText(bytes, encoding);
  const { start, all } = await peek(text);
  const isNdjson = format ? format === 'ndjson' : start.trimStart().startsWith('{');
  return isNdjson ? openNdjson(all) : openCsv(all, delimiter);
}

async function peek(text: AsyncGenerator<string>): Promise<{ start: string; all: AsyncGenerator<string> }> {
  const first = (await text.next()) as IteratorResult<string, undefined>;
  const start = first.value ?? '';
  async function* all(): AsyncGenerator<string> {
    yield start;
    if (!first.done) yield* text;
  }
  return { start, all: all() };
}
