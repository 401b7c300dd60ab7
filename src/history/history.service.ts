import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, LessThan, Repository } from 'typeorm';
import { DirectQueries } from '../database/direct-queries.js';
import { insertInto, valuesOf } from '../database/entity-table.js';
import { Cursors } from '../lists/cursors.js';
import type { PageQuery } from '../lists/list.query.js';
import { HistoryEntryDto, type HistoryPageDto } from './history.dto.js';
import { History } from './history.entity.js';

/** The versions of customers and users: who changed what, and when. */
@Injectable()
export class HistoryService {
  private readonly insertStatement;

  constructor(
    @InjectRepository(History) private readonly entries: Repository<History>,
    private readonly queries: DirectQueries,
    private readonly cursors: Cursors,
  ) {
    this.insertStatement = insertInto('history', entries.metadata.columns);
  }

  async record(manager: EntityManager, entry: History): Promise<void> {
    const { sql, properties } = this.insertStatement;
    await this.queries.writeIn(manager, sql, valuesOf(entry, properties));
  }

  /** Newest first. */
  async list(resource: string, id: number, { limit = 50, cursor }: PageQuery): Promise<HistoryPageDto> {
    const scope = `history of ${resource} ${id}`;
    const found = await this.entries.find({
      where: {
        resource,
        resourceId: id,
        ...(cursor && { version: LessThan(this.cursors.open<number>(cursor, scope)) }),
      },
      order: { version: 'DESC' },
      take: limit + 1,
    });
    return this.cursors.page(
      found,
      limit,
      scope,
      ({ version }) => version,
      (entry) => HistoryEntryDto.from(entry),
    );
  }
}
