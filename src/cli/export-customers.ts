import { createWriteStream, renameSync, rmSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Env } from '../config/env.js';
import { ExportQuery } from '../transfers/export.query.js';
import { ExportsService } from '../transfers/exports.service.js';
import { validateDto } from '../validation/validate-dto.js';
import { withModule } from './command-context.js';
import { TransferCommandsModule } from './transfer-commands.module.js';

/** Writes to standard output without a path. A file appears under its name only when it is complete. */
export async function exportCustomers(path: string | undefined, filters: Record<string, unknown>): Promise<void> {
  const query = await validateDto(ExportQuery, filters, 'query');
  await withModule(TransferCommandsModule, async (service) => {
    const { PUBLIC_URL = '' } = service.get(Env);
    const pieces = Readable.from(service.get(ExportsService).write(query, PUBLIC_URL), { objectMode: false });
    if (path === undefined) return writeToPipe(pieces);
    const partial = `${path}.part`;
    try {
      // as confidential as the database
      await pipeline(pieces, createWriteStream(partial, { mode: 0o600 }));
      renameSync(partial, path);
    } catch (error) {
      rmSync(partial, { force: true });
      throw error;
    }
  });
}

/** A program that reads only the start, such as `head`, closes the pipe: no error. */
async function writeToPipe(pieces: Readable): Promise<void> {
  try {
    await pipeline(pieces, process.stdout as Writable, { end: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPIPE') throw error;
  }
}
