import { createHash } from 'node:crypto';
import { promisify } from 'node:util';
import { brotliCompress, gzip } from 'node:zlib';
import type { FastifyReply, FastifyRequest } from 'fastify';

interface Representation {
  body: Buffer;
  etag: string;
  encoding?: string;
}

/** In order of preference: the smallest first. Compressed once, in the thread pool. */
const ENCODINGS = [
  ['br', promisify<Buffer, Buffer>(brotliCompress)],
  ['gzip', promisify<Buffer, Buffer>(gzip)],
] as const;

/**
 * A document that never changes while the process runs. All responses share its buffers: rendering it for every request let
 * anonymous clients keep the process busy. Rendered on the first request, as most processes are never asked for it.
 */
export class StaticDocument {
  private representations?: Promise<Representation[]>;

  constructor(
    private readonly type: string,
    private readonly render: () => string,
  ) {}

  readonly handle = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    this.representations ??= this.create();
    const accepted = acceptedEncodings(request);
    const { body, etag, encoding } = (await this.representations).find(
      (found) => !found.encoding || accepted.has(found.encoding),
    )!;
    void reply.headers({ ETag: etag, Vary: 'Accept-Encoding', 'Cache-Control': 'no-cache' });
    const known = request.headers['if-none-match']?.split(',').map((tag) => tag.trim().replace(/^W\//, ''));
    if (known?.includes(etag) || known?.includes('*')) return reply.code(304).send();
    if (encoding) void reply.header('Content-Encoding', encoding);
    return reply.type(this.type).send(body);
  };

  private async create(): Promise<Representation[]> {
    const identity = Buffer.from(this.render());
    const hash = createHash('sha256').update(identity).digest('base64url').slice(0, 22);
    const compressed = ENCODINGS.map(async ([encoding, compress]) => ({
      body: await compress(identity),
      // a strong tag names the bytes, which differ by encoding (RFC 9110, 8.8.3.3)
      etag: `"${hash}-${encoding}"`,
      encoding,
    }));
    return [...(await Promise.all(compressed)), { body: identity, etag: `"${hash}"` }];
  }
}

/** RFC 9110, 12.5.3, without ranking: what the client does not exclude with a weight of 0. */
function acceptedEncodings({ headers }: FastifyRequest): Set<string> {
  const items = String(headers['accept-encoding'] ?? '')
    .toLowerCase()
    .split(',');
  const accepted = items.filter((item) => !/;\s*q=0(\.0*)?\s*$/.test(item));
  return new Set(accepted.map((item) => item.split(';', 1)[0]!.trim()));
}
