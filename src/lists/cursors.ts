import { Injectable } from '@nestjs/common';
import { decodeBase64Url } from '../config/base64url.js';
import { Secrets } from '../config/secrets.js';
import { Problem } from '../problems/problem.js';
import type { PageDto } from './page.dto.js';

const MAC_BYTES = 12;

/**
 * Opaque cursors: the position where a page ends. The signature covers list, order and filters (the scope), as a cursor
 * of another list would silently skip rows.
 */
@Injectable()
export class Cursors {
  constructor(private readonly secrets: Secrets) {}

  seal(position: unknown, scope: string): string {
    const body = JSON.stringify(position);
    const mac = this.secrets.sign('cursor', scope, body).subarray(0, MAC_BYTES);
    return Buffer.concat([mac, Buffer.from(body)]).toString('base64url');
  }

  /** Returns the position. Throws `invalid_request` unless this service sealed the cursor for this scope. */
  open<Position>(cursor: string, scope: string, pointer = 'cursor'): Position {
    const bytes = decodeBase64Url(cursor);
    const body = bytes?.subarray(MAC_BYTES).toString();
    if (!bytes || !body || !this.secrets.verifies('cursor', bytes.subarray(0, MAC_BYTES), scope, body))
      throw invalidCursor(pointer);
    return JSON.parse(body) as Position;
  }

  /**
   * Makes a page of rows that were read with a limit of `limit + 1`. The next page starts after `positionOf` the last
   * row.
   */
  page<Row, Item>(
    rows: Row[],
    limit: number,
    scope: string,
    positionOf: (row: Row) => unknown,
    toItem: (row: Row) => Item,
  ): { data: Item[]; page: PageDto } {
    const shown = rows.slice(0, limit);
    const next = rows.length > limit ? this.seal(positionOf(shown.at(-1)!), scope) : null;
    return { data: shown.map(toItem), page: { next } };
  }
}

export const invalidCursor = (pointer: string): Problem =>
  Problem.invalid([
    {
      pointer,
      code: 'invalid_cursor',
      message: 'Must be `next` of a page of the same list with the same filters and order.',
    },
  ]);
