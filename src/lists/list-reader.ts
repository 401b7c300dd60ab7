import type { Reads } from '../database/direct-queries.js';
import type { EntityTable } from '../database/entity-table.js';
import type { IdSource } from './filter.js';
import type { ListStatements, Position, Range, Statement } from './list-statements.js';

/** A row with its sort value, as the database returns it. */
export type Positioned<Row> = Row & { sortValue: string | number };

interface Candidate {
  value: string | number;
  id: number;
}

/** Read at once, as to sort many candidates takes little more time than to sort a few. */
const CANDIDATES = 1_000;
/** Factor by which more of them are read, if too few were in the list. */
const GROWTH = 4;

/** Reads the rows of one list. */
export class ListReader<Row extends { id: number }> {
  constructor(
    private readonly reads: Reads,
    private readonly table: EntityTable<Row>,
    readonly statements: ListStatements,
  ) {}

  /** The same list, only of rows that were modified at `time` or later. */
  modifiedSince(time: Date): ListReader<Row> {
    return new ListReader(this.reads, this.table, this.statements.modifiedSince(time));
  }

  /** By way of a source's ids, which are sorted. */
  async read(source: IdSource, range: Range, limit: number): Promise<Array<Positioned<Row>>> {
    if (source.index === this.statements.walked) return this.walk(range, limit);
    const found: Array<Positioned<Row>> = [];
    let { after } = range;
    for (let size = Math.max(CANDIDATES, limit); ; size *= GROWTH) {
      const { sql, values } = this.statements.candidates(source, { ...range, after }, size);
      const candidates = await this.reads.query<Candidate>(sql, values);
      found.push(...(await this.firstOf(candidates, limit - found.length)));
      if (found.length === limit || candidates.length < size) return found;
      const last = candidates.at(-1)!;
      after = [last.value, last.id];
    }
  }

  /** By way of an index that has the order of the list. */
  async walk(range: Range, limit: number): Promise<Array<Positioned<Row>>> {
    if (!this.statements.isCovered) return this.table.read(this.statements.walk(range, limit), this.reads);
    const { sql, values } = this.statements.entries(range, limit);
    return this.rowsOf(await this.reads.query<Candidate>(sql, values));
  }

  /** The position so many entries of the walked index further on; undefined if the list ends before. */
  async advance(after: Position | undefined, distance: number): Promise<Position | undefined> {
    const { sql, values } = this.statements.advance(after, distance);
    const [row] = await this.reads.query<Candidate>(sql, values);
    return row && [row.value, row.id];
  }

  /** The ids of the condition that has the fewest, if there are no more than the limit. */
  async narrowest(limit: number): Promise<{ source?: IdSource; isEmpty: boolean }> {
    const { sources } = this.statements;
    const exceeding = await this.valuesOf(sources, this.statements.exceeding(sources, limit));
    const few = sources.filter((source) => exceeding.get(source) === null);
    // one is the narrowest whatever its number is
    const counts = few.length > 1 ? await this.valuesOf(few, this.statements.counts(few)) : undefined;
    const idsOf = (source: IdSource): number => (few.includes(source) ? Number(counts?.get(source) ?? 1) : Infinity);
    const fewest = this.statements.narrowest(new Map(sources.map((source) => [source, idsOf(source)])))!;
    return { source: fewest.ids > limit ? undefined : fewest.source, isEmpty: fewest.ids === 0 };
  }

  async hasAtMost(source: IdSource, limit: number): Promise<boolean> {
    const exceeding = await this.valuesOf([source], this.statements.exceeding([source], limit));
    return exceeding.get(source) === null;
  }

  /** The columns of the one row that a statement returns, one for each source. */
  private async valuesOf(
    sources: IdSource[],
    { sql, values }: Statement,
  ): Promise<Map<IdSource, number | string | null>> {
    const [row] = await this.reads.query<Record<string, number | string | null>>(sql, values);
    return new Map(sources.map((source, n) => [source, row![`n${n}`]!]));
  }

  private async firstOf(candidates: Candidate[], limit: number): Promise<Array<Positioned<Row>>> {
    // an id may occur several times
    const unique = [...new Map(candidates.map((candidate) => [candidate.id, candidate])).values()];
    const found: Array<Positioned<Row>> = [];
    for (let start = 0, size = limit; start < unique.length && found.length < limit; start += size, size *= GROWTH)
      found.push(...(await this.rowsOf(unique.slice(start, start + size))));
    return found.slice(0, limit);
  }

  /** Those that are in the list, in the order of the candidates and with their sort values. */
  private async rowsOf(candidates: Candidate[]): Promise<Array<Positioned<Row>>> {
    if (candidates.length === 0) return [];
    const rows = await this.table.read(this.statements.rows(candidates.map(({ id }) => id)), this.reads);
    const byId = new Map(rows.map((row) => [row.id, row]));
    return candidates.flatMap(({ id, value }) => {
      const row = byId.get(id);
      // onto the row itself, which was read for this list: to copy its 20 members takes longer than to read them
      return row ? [Object.assign(row, { sortValue: value })] : [];
    });
  }
}
