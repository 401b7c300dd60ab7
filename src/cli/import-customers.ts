import { createReadStream, statSync } from 'node:fs';
import { delimiterOf, ImportQuery } from '../transfers/import.query.js';
import { ImportsService, type ImportSums, newSums } from '../transfers/imports.service.js';
import { openImportFile } from '../transfers/parsing/import-file.js';
import { validateDto } from '../validation/validate-dto.js';
import { withModule } from './command-context.js';
import { EXIT_FAILED, Interrupted, UsageError } from './exit-codes.js';
import { ProgressBar } from './progress-bar.js';
import { RejectedRows } from './rejected-rows.js';
import { contextOf, TransferCommandsModule } from './transfer-commands.module.js';

interface Options {
  onConflict?: string;
  country?: string;
  encoding?: string;
  delimiter?: string;
  dryRun?: true;
  as?: string;
}

/** Returns the exit code: refused rows are a failure. */
export async function importCustomers(path: string, { as: creator, dryRun, ...options }: Options): Promise<number> {
  const query = await validateDto(ImportQuery, { ...options, ...(dryRun && { dryRun: 'true' }) }, 'query');
  const source = openSource(path);
  return withModule(TransferCommandsModule, async (service) => {
    const imports = service.get(ImportsService);
    const context = await contextOf(service, creator);
    const reader = imports.createReader(query);
    const { encoding } = query;
    const file = await openImportFile(source.bytes, { encoding, delimiter: delimiterOf(query) });
    for (const name of file.columns?.ignored ?? []) process.stderr.write(`Column ignored: ${name}\n`);

    const sums = newSums();
    const rejected = new RejectedRows(`${path}.rejected.csv`, file);
    const bar = new ProgressBar();
    let isInterrupted = false;
    process.once('SIGINT', () => (isInterrupted = true));
    let failure: Error | undefined;
    try {
      await imports.run(file, reader, { ...query, context }, sums, {
        beforeBatch: () => {
          bar.update(sums.rows, source.share());
          return isInterrupted ? Promise.reject(new Interrupted()) : Promise.resolve();
        },
        onFailure: (row, problem) => rejected.add(row, problem),
      });
    } catch (error) {
      failure = error as Error;
    }
    bar.end();
    print(summaryOf(path, sums, query.dryRun));
    if (await rejected.end()) print(`Refused rows, with the reason: ${rejected.path}`);
    if (failure instanceof Interrupted) print('Interrupted. Import the file again to finish.');
    if (failure) throw failure;
    return sums.failed > 0 ? EXIT_FAILED : 0;
  });
}

function openSource(path: string): { bytes: AsyncIterable<Uint8Array>; share: () => number } {
  let size: number;
  try {
    size = statSync(path).size;
  } catch {
    throw new UsageError(`There is no file ${path}.`);
  }
  const stream = createReadStream(path);
  return { bytes: stream as AsyncIterable<Buffer>, share: () => Math.min(1, stream.bytesRead / Math.max(1, size)) };
}

function summaryOf(path: string, { rows, created, updated, skipped, failed }: ImportSums, dryRun = false): string {
  const counts = `${created} created, ${updated} updated, ${skipped} skipped, ${failed} failed`;
  return dryRun
    ? `Dry run of ${path}: ${rows} rows: ${counts}. Nothing was changed.`
    : `Imported ${path}: ${rows} rows: ${counts}.`;
}

const print = (line: string): boolean => process.stdout.write(`${line}\n`);
