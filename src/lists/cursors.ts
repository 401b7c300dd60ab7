import { Injectable } from '@nestjs/common';
import { Problem } from '../problems/catalog.js';
import { Secrets } from '../config/secrets.js';

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
    const bytes = Buffer.from(cursor, 'base64url');
    const body = bytes.subarray(MAC_BYTES).toString();
    // base64 has several ways to write the same bytes; only one is ours
    const isOurs = bytes.toString('base64url') === cursor;
    if (!isOurs || !this.secrets.verifies('cursor', scope + body, bytes.subarray(0, MAC_BYTES)))
      throw Problem.invalid([
        {
          pointer: 'cursor',
          code: 'invalid_cursor',
          message: 'must be the `next` of a page of this list, with the same filters',
        },
      ]);
    return JSON.parse(body) as Position;
  }
}
