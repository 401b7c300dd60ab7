import { Injectable } from '@nestjs/common';
import type { FeedPosition } from '../history/history-feed.js';
import { ChangeMapper } from './change-mapper.js';
import type { ChangesPageDto, ChangesQuery } from './changes.dto.js';
import { type Change, ChangesService } from './changes.service.js';
import type { Reader } from './reader.js';
import { WaitingReaders } from './waiting-readers.js';

/** The feed as pages, which may wait for the next change (long poll). */
@Injectable()
export class ChangePages {
  constructor(
    private readonly changes: ChangesService,
    private readonly readers: WaitingReaders,
    private readonly mapper: ChangeMapper,
  ) {}

  async read({ after, limit = 50, wait = 0 }: ChangesQuery, reader: Reader): Promise<ChangesPageDto> {
    const position = await this.changes.positionOf(after, 'after');
    let changes = await this.changes.read(position, limit);
    if (changes.length === 0 && wait > 0) changes = await this.waitFor(position, limit, wait * 1000, reader);
    return {
      data: changes.map((change) => this.mapper.toDto(change, reader.origin)),
      page: { next: this.changes.cursorOf(changes.at(-1)?.position ?? position) },
    };
  }

  private waitFor(position: FeedPosition, limit: number, ms: number, reader: Reader): Promise<Change[]> {
    return this.readers.admit(reader.userId, async (release) => {
      const read = await this.readers.wait(position, ms, reader.watchConnection());
      release();
      // the user may have been deleted or signed out meanwhile
      await reader.confirmAccess();
      return read ? read(position, limit) : [];
    });
  }
}
