import type { Clock } from '../config/clock.js';
import type { ListReader, Positioned } from './list-reader.js';
import type { Position } from './list-statements.js';

/** Lists whose start is remembered; the least recently used ones are forgotten. */
const MAX_LISTS = 1_000;
/** How far the clocks of instances may differ, and how long a transaction may take from its time to its commit. */
const MARGIN_MS = 60_000;
/** Rows that were modified since then: more of them are not looked through. */
const MAX_MODIFIED = 2_000;

interface Start {
  /** Of the first row; undefined for an empty list. */
  position?: Position;
  /** Rows that were modified at this time or later may come before. */
  asOf: Date;
}

type Read<Row> = (start: Position | undefined, onLong: () => void) => Promise<Array<Positioned<Row>>>;

/**
 * Remembers where a list begins if finding its first row took long: most often a list of rows since some time, in another
 * order, as such a list skips all earlier rows. Rows that come before that position now have been modified since, and
 * these are few.
 */
export class ListStarts {
  private readonly starts = new Map<string, Start>();
  private readonly searches = new Map<string, Promise<void>>();

  constructor(private readonly clock: Clock) {}

  /** The first rows of a list; `read` reads them from a position on, and reports if that takes long. */
  async read<Row extends { id: number }>(
    reader: ListReader<Row>,
    list: string,
    read: Read<Row>,
  ): Promise<Array<Positioned<Row>>> {
    // another request looks for the same start
    await this.searches.get(list);
    const now = this.clock.now();
    const start = await this.find(reader, list);
    if (start === 'none') {
      this.remember(list, now);
      return [];
    }
    let isLong = start !== undefined;
    let end = (): void => undefined;
    try {
      const rows = await read(start, () => {
        isLong = true;
        this.searches.set(list, new Promise((resolve) => (end = resolve)));
      });
      const [first] = rows;
      if (isLong) this.remember(list, now, first && [first.sortValue, first.id]);
      return rows;
    } finally {
      this.searches.delete(list);
      end();
    }
  }

  /** A position directly before the first row, if it is known. */
  private async find<Row extends { id: number }>(
    reader: ListReader<Row>,
    list: string,
  ): Promise<Position | 'none' | undefined> {
    const known = this.starts.get(list);
    if (!known) return undefined;
    const modified = reader.modifiedSince(known.asOf);
    const [source] = modified.statements.sources;
    if (!(await modified.hasAtMost(source!, MAX_MODIFIED))) {
      this.starts.delete(list);
      return undefined;
    }
    const [earlier] = await modified.read(source!, { until: known.position }, 1);
    const [value, id] = (earlier && [earlier.sortValue, earlier.id]) ?? known.position ?? [];
    if (value === undefined || id === undefined) return 'none';
    return [value, id + (reader.statements.order.descending ? 1 : -1)];
  }

  private remember(list: string, since: Date, position?: Position): void {
    this.starts.delete(list);
    this.starts.set(list, { position, asOf: new Date(since.getTime() - MARGIN_MS) });
    if (this.starts.size > MAX_LISTS) this.starts.delete(this.starts.keys().next().value!);
  }
}
