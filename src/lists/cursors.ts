import { Injectable } from '@nestjs/common';
import { decodeBase64Url } from '../config/base64url.js';
import { Secrets } from '../config/secrets.js';
import { Problem } from '../problems/problem.js';
import type { PageDto } from './page.dto.js';

const MAC_BYTES = 12;

/**
 * Where a page ends, for the client to hand back. Signed for its list, order and filters (the scope): a cursor of
 * another list would silently skip rows.
 */
@Injectable()
export class Cursors {
  constructor(private readonly secrets: Secrets) {}

  seal(position: unknown, scope: string): string {
    const body = JSON.stringify(position);
    const mac = this.secrets.sign('cursor', scope + body).subarray(0, MAC_BYTES);
    return Buffer.concat([mac, Buffer.from(body)]).toString('base64url');
  }

  /** The position; 400 unless it was sealed here, for this scope. */
  open<Position>(cursor: string, scope: string): Position {
    const bytes = decodeBase64Url(cursor);
    const body = bytes?.subarray(MAC_BYTES).toString();
    if (!bytes || !body || !this.secrets.verifies('cursor', scope + body, bytes.subarray(0, MAC_BYTES)))
      throw Problem.invalid([
        {
          pointer: 'cursor',
          code: 'invalid_cursor',
          message: 'must be the `next` of a page of this list, with the same filters',
        },
      ]);
    return JSON.parse(body) as Position;
  }

  /** A page of rows that were read with a limit of one more than `limit`; `positionOf` is what the next page starts after. */
  page<Row, Item>(
    found: Row[],
    limit: number,
    scope: string,
    positionOf: (row: Row) => unknown,
    toItem: (row: Row) => Item,
  ): { data: Item[]; page: PageDto } {
    const rows = found.slice(0, limit);
    const next = found.length > limit ? this.seal(positionOf(rows.at(-1)!), scope) : null;
    return { data: rows.map(toItem), page: { next } };
  }
}
