import { setTimeout as sleep } from 'node:timers/promises';
import { Injectable, Logger } from '@nestjs/common';
import { DataSource, type EntityManager } from 'typeorm';
import { BUSY_TIMEOUT_MS } from './data-source.js';
import { dialectOf } from './dialect.js';
import { Housekeeping } from './housekeeping.js';

/** In one transaction: other requests run between two of them. */
const BATCH_SIZE = 256;
/** Another process, such as an operator command, may be reading the log. */
const CHECKPOINT_ATTEMPTS = 10;
const CHECKPOINT_PAUSE_MS = 100;

/** Length of the header of a B-tree page, by its type (SQLite file format, section 1.6). */
const HEADER_LENGTHS: Record<number, number> = { 2: 12, 5: 12, 10: 8, 13: 8 };
/** Page 1 starts with the header of the file. */
const FILE_HEADER_LENGTH = 100;
/** A page that is no B-tree page starts with a page number, whose first byte is 0 up to here. */
const MAX_PAGES = 2 ** 24;

const PAGES = `WITH RECURSIVE numbers (n) AS (SELECT ? UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
  SELECT pgno AS page, data FROM numbers JOIN sqlite_dbpage ON pgno = n`;

/**
 * Overwrites what erased values have left in the file of the embedded database. `secure_delete` does it for the values
 * themselves, but not for the copies that remain in the free space of a page when SQLite moves its rows to another page;
 * and the write-ahead log keeps every earlier version of a page until it is truncated.
 */
@Injectable()
export class FileResidue {
  private readonly logger = new Logger('FileResidue');
  private readonly isEmbedded: boolean;

  constructor(
    private readonly dataSource: DataSource,
    housekeeping: Housekeeping,
  ) {
    this.isEmbedded = dialectOf(dataSource) === 'sqlite';
    housekeeping.hourly(() => this.truncateLog());
  }

  async overwrite(): Promise<void> {
    if (!this.isEmbedded) return;
    const [{ page_count: count }] = await this.dataSource.query<[{ page_count: number }]>('PRAGMA page_count');
    if (count < MAX_PAGES)
      for (let first = 1; first <= count; first += BATCH_SIZE)
        await this.dataSource.transaction((manager) =>
          overwriteFreeSpace(manager, first, Math.min(count, first + BATCH_SIZE - 1)),
        );
    await this.truncateLog();
  }

  private async truncateLog(): Promise<void> {
    if (!this.isEmbedded) return;
    for (let attempt = 0; attempt < CHECKPOINT_ATTEMPTS; attempt++) {
      if (await this.checkpoint()) return;
      await sleep(CHECKPOINT_PAUSE_MS);
    }
    this.logger.warn('Could not truncate the write-ahead log, as another process reads it; trying again in an hour');
  }

  /** SQLite waits for readers by blocking the event loop, so it must not wait at all. */
  private async checkpoint(): Promise<boolean> {
    await this.dataSource.query('PRAGMA busy_timeout = 0');
    try {
      const [{ busy }] = await this.dataSource.query<[{ busy: number }]>('PRAGMA wal_checkpoint(TRUNCATE)');
      return !busy;
    } finally {
      await this.dataSource.query(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }
}

async function overwriteFreeSpace(manager: EntityManager, first: number, last: number): Promise<void> {
  const pages = await manager.query<Array<{ page: number; data: ArrayBuffer }>>(PAGES, [first, last]);
  for (const { page, data: bytes } of pages) {
    const data = Buffer.from(bytes);
    const gap = gapOf(page, data);
    if (!gap || gap.equals(Buffer.alloc(gap.length))) continue;
    gap.fill(0);
    await manager.query('UPDATE sqlite_dbpage SET data = ? WHERE pgno = ?', [data, page]);
  }
}

/** The unused space between the cell pointers and the cells of a B-tree page. */
function gapOf(page: number, data: Buffer): Buffer | undefined {
  const header = page === 1 ? FILE_HEADER_LENGTH : 0;
  const length = HEADER_LENGTHS[data[header]!];
  if (length === undefined) return undefined;
  const cells = data.readUInt16BE(header + 3);
  const start = header + length + 2 * cells;
  // 0 stands for 65,536
  const end = data.readUInt16BE(header + 5) || 65_536;
  return start <= end && end <= data.length ? data.subarray(start, end) : undefined;
}
