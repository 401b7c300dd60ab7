/** Statements of different lengths are different prepared statements: lengths are powers of two, up to this. */
const MAX_BATCH_SIZE = 128;

/**
 * Folds the point reads of requests that arrive together into one query, at most two under way. A read starts after
 * it was asked for, so nobody gets an answer older than their question.
 */
export class BatchedReads<Row extends { id: number }> {
  private readonly waiting = new Map<number, Reader<Row>>();
  private underWay = 0;
  private scheduled = false;

  constructor(private readonly fetch: (ids: number[]) => Promise<Row[]>) {}

  /** Readers of one id share the row: it is not theirs to change. */
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
    if (this.scheduled || this.underWay === 2 || this.waiting.size === 0) return;
    this.scheduled = true;
    setImmediate(() => {
      this.scheduled = false;
      void this.run();
    });
  }

  private async run(): Promise<void> {
    const batch = [...this.waiting].slice(0, MAX_BATCH_SIZE);
    // all of them may have been turned away since
    if (batch.length === 0) return;
    for (const [id] of batch) this.waiting.delete(id);
    this.underWay++;
    this.schedule();
    try {
      const ids = batch.map(([id]) => id);
      while (ids.length & (ids.length - 1)) ids.push(ids[0]!);
      const rows = new Map((await this.fetch(ids)).map((row) => [row.id, row]));
      for (const [id, reader] of batch) reader.resolve(rows.get(id));
    } catch (error) {
      // whoever waited behind this one would wait as long again for the same
      for (const [, reader] of [...batch, ...this.waiting]) reader.reject(error);
      this.waiting.clear();
    } finally {
      this.underWay--;
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
