import { setImmediate as nextTurn } from 'node:timers/promises';
import { BatchedReads } from './batched-reads.js';

interface Row {
  id: number;
}

describe('point reads', () => {
  /** A database that answers when the test says so. */
  function underTest() {
    const asked: Array<{ ids: number[]; answer: (rows: Row[]) => void; fail: (error: Error) => void }> = [];
    const reads = new BatchedReads<Row>((ids) => new Promise((answer, fail) => asked.push({ ids, answer, fail })));
    return { asked, reads };
  }

  it('that arrive together are one question', async () => {
    const { asked, reads } = underTest();
    const rows = Promise.all([reads.find(1), reads.find(2), reads.find(1), reads.find(3)]);
    await nextTurn();
    expect(asked.map(({ ids }) => ids)).toEqual([[1, 2, 3, 1]]);
    asked[0]!.answer([{ id: 3 }, { id: 1 }]);
    expect(await rows).toEqual([{ id: 1 }, undefined, { id: 1 }, { id: 3 }]);
  });

  it('fail with the one that they wait behind, and nothing is asked for them', async () => {
    const { asked, reads } = underTest();
    const first = reads.find(1);
    await nextTurn();
    const second = reads.find(2);
    asked[0]!.fail(new Error('frozen'));
    await expect(first).rejects.toThrow('frozen');
    await expect(second).rejects.toThrow('frozen');
    await nextTurn();
    expect(asked).toHaveLength(1);
    // and those that come later are asked for again
    const third = reads.find(3);
    await nextTurn();
    asked[1]!.answer([{ id: 3 }]);
    expect(await third).toEqual({ id: 3 });
  });
});
