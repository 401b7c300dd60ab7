import { setImmediate as nextTurn } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { CustomerBatches } from '../customers/customer-batches.js';
import type { CustomerValues, OnConflict, Outcome } from '../customers/customer-values.js';
import { DiskMap } from '../database/disk-map.js';
import { Problem } from '../problems/problem.js';
import type { WriteContext } from '../writes/write-context.js';
import { CustomerReader } from './customer-reader.js';
import type { FileRow, ImportFile } from './parsing/file-rows.js';
import { PhoneNumbers } from './phone-numbers.js';

const MAX_ROWS = 5_000_000;
/** Rows of a transaction: a longer one holds up other requests, on the embedded database all of them. */
const BATCH_SIZE = 25;
/** Rows that are validated before other requests have their turn. */
const TURN_SIZE = 5;

export interface ImportOptions {
  context: WriteContext;
  /** Default: `skip`. */
  onConflict?: OnConflict;
  dryRun?: boolean;
  /** ISO 3166-1, for phone numbers without a country code. */
  country?: string;
}

/** What became of the rows so far. `rows` is the sum of the others. */
export interface ImportSums {
  rows: number;
  created: number;
  updated: number;
  skipped: number;
  failed: number;
}

export interface ImportObserver {
  /** Before each batch, outside of a transaction; it may wait, and throw to end the import. */
  beforeBatch?: () => Promise<void>;
  onFailure: (row: FileRow, problem: Problem) => Promise<void>;
}

interface ImportRun {
  options: ImportOptions;
  observer: ImportObserver;
  reader: CustomerReader;
  pretended?: DiskMap<CustomerValues>;
}

/** Imports customers from a file, in batches. */
@Injectable()
export class ImportsService {
  private readonly logger = new Logger('Import');

  constructor(private readonly batches: CustomerBatches) {}

  /** Prepares an import. Throws a problem if an option is invalid. */
  createReader({ country, onConflict }: Pick<ImportOptions, 'country' | 'onConflict'>): CustomerReader {
    const phones = PhoneNumbers.of(country);
    if (phones) return new CustomerReader(phones, onConflict === 'update');
    const message = 'Must be a country code (ISO 3166-1 alpha-2), such as ES.';
    throw Problem.invalid([{ pointer: 'country', code: 'not_allowed', message }]);
  }

  /** Counts into `sums` while it runs. Throws if the file cannot be read on, or an observer ends it. */
  async run(
    file: ImportFile,
    reader: CustomerReader,
    options: ImportOptions,
    sums: ImportSums,
    observer: ImportObserver,
  ): Promise<void> {
    const pretended = options.dryRun ? new DiskMap<CustomerValues>() : undefined;
    const run = { options, observer, reader, pretended };
    try {
      for await (const rows of file.rows)
        for (let left = rows; left.length > 0;) {
          await observer.beforeBatch?.();
          const size = Math.min(BATCH_SIZE, MAX_ROWS - sums.rows);
          if (size === 0) throw new Problem('payload_too_large', 'A file has at most 5,000,000 rows.');
          await this.importBatch(run, left.slice(0, size), sums);
          left = left.slice(size);
        }
    } finally {
      pretended?.close();
      const { context, dryRun = false } = options;
      this.logger.log({
        message: 'Import ended',
        requestId: context.requestId,
        userId: context.actorId,
        dryRun,
        ...sums,
      });
    }
  }

  private async importBatch(run: ImportRun, rows: FileRow[], sums: ImportSums): Promise<void> {
    const outcomes: Array<Outcome | CustomerValues> = [];
    for (const [index, row] of rows.entries()) {
      outcomes.push(await this.readRow(run.reader, row));
      if (index % TURN_SIZE === TURN_SIZE - 1) await nextTurn();
    }
    const valid = outcomes.filter((outcome): outcome is CustomerValues => isValues(outcome));
    const written = valid.length > 0 ? await this.write(run, valid) : [];
    for (const [index, row] of rows.entries()) {
      const read = outcomes[index]!;
      const outcome = isValues(read) ? written.shift()! : read;
      sums.rows++;
      if (outcome instanceof Problem) sums.failed++;
      else sums[outcome]++;
      if (outcome instanceof Problem) await run.observer.onFailure(row, outcome);
    }
  }

  private write({ options, pretended }: ImportRun, valid: CustomerValues[]): Promise<Outcome[]> {
    const { context, onConflict = 'skip' } = options;
    return pretended
      ? this.batches.preview(valid, onConflict, pretended)
      : this.batches.write(context, valid, onConflict);
  }

  private async readRow(reader: CustomerReader, row: FileRow): Promise<Outcome | CustomerValues> {
    try {
      return (await reader.read(row)) ?? 'skipped';
    } catch (error) {
      if (error instanceof Problem) return error;
      throw error;
    }
  }
}

const isValues = (outcome: Outcome | CustomerValues): outcome is CustomerValues =>
  typeof outcome === 'object' && !(outcome instanceof Problem);

export const newSums = (): ImportSums => ({ rows: 0, created: 0, updated: 0, skipped: 0, failed: 0 });
