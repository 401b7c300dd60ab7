import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { preferredEncoding } from './accept-encoding.js';

interface Representation {
  body: Buffer;
  etag: string;
}

const ENCODINGS = ['br', 'gzip'] as const;
type Encoding = (typeof ENCODINGS)[number] | 'identity';

/** The maximum quality of 11 takes seconds for a script of 1.5 MB. */
const BROTLI_QUALITY = 6;

/**
 * A document that never changes while the process runs. All responses share its buffers: rendering it for every request let
 * anonymous clients keep the process busy. Rendered and compressed on the first request, as most processes are never
 * asked for it; compression runs in the thread pool.
 */
export class StaticDocument {
  private representations?: Promise<Record<Encoding, Representation>>;

  constructor(
    private readonly type: string,
    private readonly render: () => string | Promise<string | Buffer>,
  ) {}

  readonly handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    this.representations ??= this.create();
    const encoding = preferredEncoding(request.headers['accept-encoding'], ENCODINGS);
    const { body, etag } = (await this.representations)[encoding];
    // `Origin` is there already if CORS is on
    const vary = [reply.getHeader('vary'), 'Accept-Encoding'].filter(Boolean).join(', ');
    void reply.headers({ ETag: etag, Vary: vary, 'Cache-Control': 'no-cache' });
    if (includesTag(request.headers['if-none-match'], etag)) return reply.code(304).send();
    if (encoding !== 'identity') void reply.header('Content-Encoding', encoding);
    return reply.type(this.type).send(body);
  };

  private async create(): Promise<Record<Encoding, Representation>> {
    try {
      const identity = Buffer.from(await this.render());
      const [br, gz] = await Promise.all([compressBrotli(identity), promisify<Buffer, Buffer>(gzip)(identity)]);
      const hash = createHash('sha256').update(identity).digest('base64url').slice(0, 22);
      // a strong tag names the bytes, which differ by encoding (RFC 9110, 8.8.3.3)
      return {
        br: { body: br, etag: `"${hash}-br"` },
        gzip: { body: gz, etag: `"${hash}-gzip"` },
        identity: { body: identity, etag: `"${hash}"` },
      };
    } catch (error) {
      // the next request tries again
      this.representations = undefined;
      throw error;
    }
  }
}

const compressBrotli = (content: Buffer): Promise<Buffer> =>
  promisify<Buffer, object, Buffer>(brotliCompress)(content, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  });

/** The weak comparison of RFC 9110, 13.1.2. */
const includesTag = (ifNoneMatch: string | undefined, etag: string): boolean => {
  const tags = ifNoneMatch?.split(',').map((tag) => tag.trim().replace(/^W\//, '')) ?? [];
  return tags.includes(etag) || tags.includes('*');
};
