import { createHash } from 'node:crypto';
import { type BucketResponse, conditionNotMet, invalid, json, notFound, Refusal } from './bucket-refusals.js';

export interface StoredObject {
  bytes: Buffer;
  contentType: string;
  cacheControl?: string;
  metadata?: Record<string, string>;
  generation: number;
  updated: Date;
}

export type Attributes = Partial<Omit<StoredObject, 'bytes'>>;

const NO_LEGACY_ACL =
  'Cannot insert legacy ACL for an object when uniform bucket-level access is enabled. ' +
  'Read more at https://cloud.google.com/storage/docs/uniform-bucket-level-access';
/** Attributes that an upload may set. */
const ATTRIBUTES = ['name', 'contentType', 'cacheControl', 'metadata', 'md5Hash', 'crc32c'];

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  return value;
});

/** CRC-32C (Castagnoli), which Node lacks. Not the client's implementation, which would share its own mistakes. */
export function crc32c(bytes: Buffer): string {
  let crc = ~0;
  for (const byte of bytes) crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  const sum = Buffer.alloc(4);
  sum.writeInt32BE(~crc);
  return sum.toString('base64');
}

const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('base64');

/** The objects of one bucket with uniform access, as its protocol describes them. */
export class BucketObjects extends Map<string, StoredObject> {
  now = (): Date => new Date();
  /** A page may have fewer objects than requested. */
  pageSize = 1000;
  private lastGeneration = 1_700_000_000_000_000;

  constructor(readonly bucket: string) {
    super();
  }

  /** Stores an object directly, like a finished upload. */
  store(key: string, bytes: Buffer, attributes: Attributes = {}): StoredObject {
    const stored = {
      contentType: 'application/octet-stream',
      updated: this.now(),
      ...attributes,
      bytes,
      generation: ++this.lastGeneration,
    };
    this.set(key, stored);
    return stored;
  }

  /** `ifGenerationMatch=0`: the object must not exist. */
  refuseUnless(key: string, ifGenerationMatch: string | null): void {
    if (ifGenerationMatch !== null && Number(ifGenerationMatch) !== (this.get(key)?.generation ?? 0))
      throw conditionNotMet();
  }

  upload(key: string, bytes: Buffer, declared: Record<string, unknown>): object {
    if ('acl' in declared) throw invalid(NO_LEGACY_ACL);
    const unknown = Object.keys(declared).filter((name) => !ATTRIBUTES.includes(name));
    if (unknown.length > 0) throw invalid(`The stand-in does not support the attributes ${unknown.join()}.`);
    const { contentType, cacheControl, metadata } = declared as Attributes;
    refuseUnlessEqual('CRC32C', declared.crc32c as string | undefined, crc32c(bytes));
    refuseUnlessEqual('MD5', declared.md5Hash as string | undefined, md5(bytes));
    this.store(key, bytes, { ...(contentType && { contentType }), cacheControl, metadata });
    return this.describe(key);
  }

  find(key: string, generation: string | null = null): StoredObject {
    const stored = this.get(key);
    if (!stored || (generation !== null && Number(generation) !== stored.generation))
      throw notFound(`No such object: ${this.bucket}/${key}`);
    return stored;
  }

  describe(key: string): Record<string, unknown> {
    const { bytes, contentType, cacheControl, metadata, generation, updated } = this.find(key);
    return {
      kind: 'storage#object',
      id: `${this.bucket}/${key}/${generation}`,
      name: key,
      bucket: this.bucket,
      generation: String(generation),
      metageneration: '1',
      contentType,
      cacheControl,
      metadata,
      storageClass: 'STANDARD',
      size: String(bytes.length),
      md5Hash: md5(bytes),
      crc32c: crc32c(bytes),
      etag: etagOf(generation),
      timeCreated: updated.toISOString(),
      updated: updated.toISOString(),
    };
  }

  /** One page of objects, ordered by the bytes of their keys. */
  list(query: URLSearchParams): BucketResponse {
    const after = Buffer.from(query.get('pageToken') ?? '', 'base64url');
    const keys = [...this.keys()]
      .filter((key) => key.startsWith(query.get('prefix') ?? ''))
      .map((key) => Buffer.from(key))
      .filter((key) => Buffer.compare(key, after) > 0)
      .sort((a, b) => Buffer.compare(a, b));
    const page = keys.slice(0, Math.min(Number(query.get('maxResults') ?? Infinity), this.pageSize));
    const items = page.map((key) => this.describe(key.toString()));
    return json(200, {
      kind: 'storage#objects',
      ...(items.length > 0 && { items: items.map((item) => onlyFields(item, query.get('fields'))) }),
      ...(keys.length > page.length && { nextPageToken: page.at(-1)!.toString('base64url') }),
    });
  }

  media(key: string, generation: string | null, range: string | undefined): BucketResponse {
    const stored = this.find(key, generation);
    const { bytes, contentType, cacheControl = 'private, max-age=0', updated } = stored;
    const headers = {
      'accept-ranges': 'bytes',
      'cache-control': cacheControl,
      'content-type': contentType,
      etag: `"${etagOf(stored.generation)}"`,
      'last-modified': updated.toUTCString(),
      'x-goog-generation': String(stored.generation),
      'x-goog-hash': `crc32c=${crc32c(bytes)},md5=${md5(bytes)}`,
      'x-goog-stored-content-encoding': 'identity',
      'x-goog-stored-content-length': String(bytes.length),
    };
    const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
    if (!first && !last) return { status: 200, headers, body: bytes };
    const start = first ? Number(first) : Math.max(0, bytes.length - Number(last));
    const end = first && last ? Math.min(Number(last), bytes.length - 1) : bytes.length - 1;
    if (start > end)
      throw new Refusal(416, 'requestedRangeNotSatisfiable', 'Request range not satisfiable', 'InvalidRange');
    return {
      status: 206,
      headers: { ...headers, 'content-range': `bytes ${start}-${end}/${bytes.length}` },
      body: bytes.subarray(start, end + 1),
    };
  }
}

function refuseUnlessEqual(name: string, declared: string | undefined, sum: string): void {
  if (declared !== undefined && declared !== sum)
    throw invalid(`Provided ${name} "${declared}" doesn't match calculated ${name} "${sum}".`);
}

const etagOf = (generation: number): string => Buffer.from(String(generation)).toString('base64url');

/** A partial response with only the requested fields, so that the service cannot rely on others. */
function onlyFields(item: Record<string, unknown>, fields: string | null): Record<string, unknown> {
  const wanted = /items\(([^)]*)\)/.exec(fields ?? '')?.[1]?.split(',');
  return wanted ? Object.fromEntries(Object.entries(item).filter(([name]) => wanted.includes(name))) : item;
}
