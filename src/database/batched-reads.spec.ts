import { setImmediate as nextTurn } from 'node:timers/promises';
import { BatchedReads } from './batched-reads.js';

interface Row {
  id: number;
}

describe('batched reads', () => {
  /** Reads from a database that the test completes by hand. */
  function createReads() {
    const queries: Array<{ ids: number[]; resolve: (rows: Row[]) => void; reject: (error: Error) => void }> = [];
    const reads = new BatchedReads<Row>(
      (ids) => new Promise((resolve, reject) => queries.push({ ids, resolve, reject })),
    );
    return { queries, reads };
  }

  it('combine reads that arrive together into one query', async () => {
    const { queries, reads } = createReads();
    const rows = Promise.all([reads.find(1), reads.find(2), reads.find(1), reads.find(3)]);
    await nextTurn();
    expect(queries.map(({ ids }) => ids)).toEqual([[1, 2, 3, 1]]);
    queries[0]!.resolve([{ id: 3 }, { id: 1 }]);
    expect(await rows).toEqual([{ id: 1 }, undefined, { id: 1 }, { id: 3 }]);
  });

  it('fail queued reads with the query in progress, without another query', async () => {
    const { queries, reads } = createReads();
    const first = reads.find(1);
    await nextTurn();
    const second = reads.find(2);
    queries[0]!.reject(new Error('frozen'));
    await expect(first).rejects.toThrow('frozen');
    await expect(second).rejects.toThrow('frozen');
    await nextTurn();
    expect(queries).toHaveLength(1);
    // later reads start a new query
    const third = reads.find(3);
    await nextTurn();
    queries[1]!.resolve([{ id: 3 }]);
    expect(await third).toEqual({ id: 3 });
  });
});
