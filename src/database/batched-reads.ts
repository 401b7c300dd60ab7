const MAX_BATCH_SIZE = 128;

/** Repeats the first value up to a power of two: each length of an `IN` list is a prepared statement of its own. */
export function padded<T>(values: T[]): T[] {
  const result = [...values];
  while (result.length & (result.length - 1)) result.push(values[0]!);
  return result;
}

/**
 * Combines point reads of requests that arrive together into one query; at most two queries run at a time. A query starts
 * after the reads in it were requested, so no caller gets a row older than its request.
 */
export class BatchedReads<Row extends { id: number }> {
  private readonly waiting = new Map<number, Reader<Row>>();
  private inProgress = 0;
  private scheduled = false;

  constructor(private readonly fetch: (ids: number[]) => Promise<Row[]>) {}

  /** Callers that read the same id share the row object: it must not be modified. */
  find(id: number): Promise<Row | undefined> {
    let reader = this.waiting.get(id);
    if (!reader) {
      reader = newReader<Row>();
      this.waiting.set(id, reader);
      this.schedule();
    }
    return reader.promise;
  }

  private schedule(): void {
    if (this.scheduled || this.inProgress === 2 || this.waiting.size === 0) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      void this.run();
    });
  }

  private async run(): Promise<void> {
    const batch = [...this.waiting].slice(0, MAX_BATCH_SIZE);
    // a failed batch may have rejected all of them since
    if (batch.length === 0) return;
    for (const [id] of batch) this.waiting.delete(id);
    this.inProgress++;
    this.schedule();
    try {
      const ids = batch.map(([id]) => id);
      const rows = new Map((await this.fetch(padded(ids))).map((row) => [row.id, row]));
      for (const [id, reader] of batch) reader.resolve(rows.get(id));
    } catch (error) {
      // queued reads would hit the same error after another timeout
      for (const [, reader] of [...batch, ...this.waiting]) reader.reject(error);
      this.waiting.clear();
    } finally {
      this.inProgress--;
      this.schedule();
    }
  }
}

interface Reader<Row> {
  promise: Promise<Row | undefined>;
  resolve: (row: Row | undefined) => void;
  reject: (reason: unknown) => void;
}

function newReader<Row>(): Reader<Row> {
  const reader = {} as Reader<Row>;
  reader.promise = new Promise((resolve, reject) => Object.assign(reader, { resolve, reject }));
  return reader;
}
