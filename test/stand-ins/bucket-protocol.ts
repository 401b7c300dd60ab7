import type { IncomingMessage } from 'node:http';
import type { ServiceAccount } from './bucket-credentials.js';
import type { BucketObjects } from './bucket-objects.js';
import {
  asJson,
  asText,
  asXml,
  type BucketResponse,
  forbidden,
  invalid,
  json,
  noSuchBucket,
  notFound,
  type Refusal,
} from './bucket-refusals.js';
import { BucketUploads } from './bucket-uploads.js';

/** `get` includes public URLs; `sign` is a signed URL; `other` is an operation that the service must not use. */
export type BucketOperation = 'put' | 'get' | 'delete' | 'list' | 'sign' | 'other';

export interface Task {
  operation: BucketOperation;
  key: string;
  refuse: (refusal: Refusal) => BucketResponse;
  /** `isWhole`: whether the body is complete. */
  run: (body: Buffer, isWhole: boolean) => BucketResponse | Promise<BucketResponse>;
}

const PARAMETERS: Record<BucketOperation, string[]> = {
  put: ['name', 'uploadType', 'upload_id', 'ifGenerationMatch'],
  get: ['alt', 'generation', 'projection'],
  delete: ['generation', 'ifGenerationMatch'],
  list: ['prefix', 'maxResults', 'pageToken', 'fields', 'projection'],
  sign: [],
  other: [],
};

const NO_ACL =
  'Cannot use ACL API to update bucket policy when uniform bucket-level access is enabled. ' +
  'Read more at https://cloud.google.com/storage/docs/uniform-bucket-level-access';

/** Routes requests and checks permissions: the JSON API, and public and signed URLs. */
export class BucketProtocol {
  isPublic = false;
  private readonly uploads: BucketUploads;

  constructor(
    private readonly url: string,
    private readonly account: ServiceAccount,
    private readonly objects: BucketObjects,
  ) {
    this.uploads = new BucketUploads(objects);
  }

  taskOf(request: IncomingMessage, url: URL): Task {
    const { pathname } = url;
    const [, upload, bucket = '', rest = ''] = /^\/(upload\/)?storage\/v1\/b\/([^/]+)(?:\/(.*))?$/.exec(pathname) ?? [];
    if (!bucket) return this.readTask(request, url);
    const task = upload ? this.uploadTask(request, url) : this.objectTask(request, url, rest);
    const run: Task['run'] = async (body, isWhole) => {
      await this.account.refuseUnlessAuthorized(request);
      if (bucket !== this.objects.bucket) throw noSuchBucket();
      refuseUnknown(task.operation, url.searchParams);
      return task.run(body, isWhole);
    };
    return { ...task, run };
  }

  private uploadTask({ method, headers }: IncomingMessage, url: URL): Task {
    const { searchParams: query } = url;
    const key = query.get('name') ?? '';
    const task = (run: Task['run']): Task => ({ operation: 'put', key, refuse: asJson, run });
    if (method === 'PUT' && query.has('upload_id'))
      return task((body, isWhole) => this.uploads.continue(query, headers, body, isWhole));
    if (query.get('uploadType') === 'resumable') return task((body) => this.uploads.start(url, headers, body));
    return task((body) => this.uploads.multipart(query, headers, body));
  }

  private objectTask({ method, headers }: IncomingMessage, { searchParams: query }: URL, rest: string): Task {
    const key = decodeURIComponent(/^o\/([^/]+)$/.exec(rest)?.[1] ?? '');
    const task = (operation: BucketOperation, run: Task['run'], refuse = asJson): Task => ({
      operation,
      key,
      refuse,
      run,
    });
    if (method === 'GET' && rest === 'o') return task('list', () => this.objects.list(query));
    if (method === 'GET' && key && query.get('alt') === 'media')
      return task('get', () => this.objects.media(key, query.get('generation'), headers.range), asText);
    if (method === 'GET' && key)
      return task('get', () => {
        this.objects.find(key, query.get('generation'));
        return json(200, this.objects.describe(key));
      });
    if (method === 'DELETE' && key)
      return task('delete', () => {
        this.objects.find(key, query.get('generation'));
        this.objects.refuseUnless(key, query.get('ifGenerationMatch'));
        this.objects.delete(key);
        return { status: 204 };
      });
    return task('other', () => {
      if (/(^|\/)(acl|defaultObjectAcl)(\/|$)/i.test(rest)) throw invalid(NO_ACL);
      throw forbidden(this.account.email, 'storage.buckets.get');
    });
  }

  /** A public or signed URL, as browsers use it. */
  private readTask(request: IncomingMessage, { pathname, searchParams: query }: URL): Task {
    const [, bucket = '', path = ''] = /^\/([^/]+)\/(.+)$/.exec(pathname) ?? [];
    const key = decodeURIComponent(path);
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    const operation = !isRead || !key ? 'other' : query.has('X-Goog-Signature') ? 'sign' : 'get';
    const run = (): BucketResponse => {
      if (operation === 'other') throw notFound('Not Found');
      if (operation === 'sign') this.account.refuseUnlessSigned(request, query, this.objects.now());
      else if (!this.isPublic) throw forbidden('Anonymous caller', 'storage.objects.get');
      if (bucket !== this.objects.bucket) throw noSuchBucket();
      return this.objects.media(key, null, request.headers.range);
    };
    return { operation, key, refuse: asXml, run };
  }
}

function refuseUnknown(operation: BucketOperation, query: URLSearchParams): void {
  if (operation === 'other') return;
  if (query.has('predefinedAcl')) throw invalid(NO_ACL);
  const unknown = [...query.keys()].filter((name) => !PARAMETERS[operation].includes(name));
  if (unknown.length > 0)
    throw invalid(`The stand-in does not support the parameters ${unknown.join()} of ${operation}.`);
}
