import { setImmediate as nextTurn } from 'node:timers/promises';
import type { FastifyInstance } from 'fastify';

/** Rows of a page that take a millisecond or more to read and to serialize. */
const MANY_ROWS = 20;
/** Characters that are encoded in one turn of the event loop. */
const PIECE_LENGTH = 64 * 1024;

/**
 * A page of 200 rows with long texts has megabytes. Reading, serializing and encoding it takes turns with other requests,
 * rather than blocking them for the sum.
 */
export function takeTurnsInLargeResponses(fastify: FastifyInstance): void {
  fastify.addHook('preSerialization', (_request, _reply, payload, done) => {
    const { data } = payload as { data?: unknown };
    if (Array.isArray(data) && data.length > MANY_ROWS) setImmediate(done, null, payload);
    else done(null, payload);
  });
  fastify.addHook('onSend', (_request, _reply, payload, done) => {
    if (typeof payload !== 'string' || payload.length <= PIECE_LENGTH) done(null, payload);
    else void encode(payload).then((bytes) => done(null, bytes), done);
  });
}

async function encode(text: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for (let start = 0; start < text.length;) {
    await nextTurn();
    let end = start + PIECE_LENGTH;
    // not between the halves of a surrogate pair
    if (/[\ud800-\udbff]/.test(text.charAt(end - 1))) end++;
    pieces.push(Buffer.from(text.slice(start, end)));
    start = end;
  }
  return Buffer.concat(pieces);
}
