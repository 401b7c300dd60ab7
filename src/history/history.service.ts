import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { LessThan, Repository } from 'typeorm';
import { Problem } from '../problems/catalog.js';
import { Cursors } from '../lists/cursors.js';
import type { PageQuery } from '../lists/list.query.js';
import { History } from './history.entity.js';
import { HistoryEntryDto, type HistoryPageDto } from './history.dto.js';
import type { Resource, Versioned } from '../writes/resource-writer.js';

/** What has happened to one customer or user. */
@Injectable()
export class HistoryService {
  constructor(
    @InjectRepository(History) private readonly entries: Repository<History>,
    private readonly cursors: Cursors,
  ) {}

  /** Newest first; of deleted ones too, for whom it says who deleted them. */
  async list<Row extends Versioned>(
    { table, name, notFound }: Resource<Row>,
    id: number,
    { limit = 50, cursor }: PageQuery,
  ): Promise<HistoryPageDto> {
    if (!(await table.find(id))) throw new Problem(notFound);
    const scope = `history of ${name} ${id}`;
    const found = await this.entries.find({
      where: {
        resource: name,
        resourceId: id,
        ...(cursor && { version: LessThan(this.cursors.open<number>(cursor, scope)) }),
      },
      order: { version: 'DESC' },
      take: limit + 1,
    });
    const data = found.slice(0, limit).map((entry) => HistoryEntryDto.from(entry));
    return { data, page: { next: found.length > limit ? this.cursors.seal(data.at(-1)!.version, scope) : null } };
  }
}
