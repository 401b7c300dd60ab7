import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ServiceAccount } from './bucket-credentials.js';
import { BucketObjects } from './bucket-objects.js';
import { type BucketOperation, BucketProtocol } from './bucket-protocol.js';
import { type BucketResponse, forbidden, noSuchBucket, Refusal, tooFast, unavailable } from './bucket-refusals.js';
import { type Fault, misbehave } from './faults.js';

const BUCKET = 'crm-photos';

export type BucketFault =
  | Fault
  /** Only half of an upload or download is transferred. */
  | 'cut off'
  /** The operation succeeds, but the connection closes before the response. */
  | 'answer lost'
  | { status: 403 | 404 | 429 | 503 }
  | { slowMs: number };

interface LoggedOperation {
  operation: BucketOperation;
  method: string;
  key: string;
  query: Record<string, string>;
  /** Undefined until the operation is done. */
  status?: number;
}

/** Permissions by operation, for error messages. */
const PERMISSIONS = { put: 'create', get: 'get', sign: 'get', delete: 'delete', list: 'list', other: 'getIamPolicy' };

/**
 * A bucket of Google Cloud Storage with uniform access, for its real client. Refuses everything it does not implement.
 */
export class BucketStandIn {
  readonly objects = new BucketObjects(BUCKET);
  /** All requests, in order. */
  readonly log: LoggedOperation[] = [];
  private readonly faults = new Map<BucketOperation, { fault: BucketFault; times: number }>();
  private readonly protocol: BucketProtocol;

  private constructor(
    readonly url: string,
    readonly account: ServiceAccount,
    /** Path of the service account's key file. */
    readonly keyFile: string,
    readonly close: () => Promise<void>,
  ) {
    this.protocol = new BucketProtocol(url, account, this.objects);
  }

  /** Whether the bucket grants roles/storage.objectViewer to allUsers. */
  set isPublic(isPublic: boolean) {
    this.protocol.isPublic = isPublic;
  }

  get env(): Record<string, string> {
    return {
      GOOGLE_BUCKET: BUCKET,
      GOOGLE_PROJECT: 'crm-project',
      GOOGLE_APPLICATION_CREDENTIALS: this.keyFile,
      GOOGLE_STORAGE_ENDPOINT: this.url,
    };
  }

  static async start(): Promise<BucketStandIn> {
    const account = await ServiceAccount.create();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const directory = mkdtempSync(join(tmpdir(), 'crm-bucket-'));
    const keyFile = join(directory, 'key.json');
    writeFileSync(keyFile, JSON.stringify(account.keyFile(url)), { mode: 0o600 });
    const bucket = new BucketStandIn(url, account, keyFile, () => {
      rmSync(directory, { recursive: true, force: true });
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    });
    server.on('request', (request, response) => void bucket.handle(request, response));
    return bucket;
  }

  /** Makes an operation fail from now on, or the given number of times. */
  fail(operation: BucketOperation, fault: BucketFault, times = Infinity): void {
    this.faults.set(operation, { fault, times });
  }

  heal(): void {
    this.faults.clear();
  }

  /** Restores the initial state. */
  reset(): void {
    this.heal();
    this.objects.clear();
    this.log.length = 0;
    this.isPublic = false;
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, this.url);
    const { operation, key, refuse, run } = this.protocol.taskOf(request, url);
    const logged: LoggedOperation = {
      operation,
      method: request.method!,
      key,
      query: Object.fromEntries(url.searchParams),
    };
    this.log.push(logged);
    const fault = this.nextFault(operation);
    if (typeof fault === 'string' && fault !== 'cut off' && fault !== 'answer lost') return misbehave(fault, response);
    let { body, isWhole } = await received(request);
    if (fault === 'cut off' && body.length > 0) [body, isWhole] = [body.subarray(0, body.length / 2), false];
    let answer: BucketResponse;
    try {
      if (typeof fault === 'object') await this.apply(fault, operation);
      // the client disconnected: a late write would show up in the middle of another test
      if (response.destroyed) return;
      answer = await run(body, isWhole);
    } catch (error) {
      answer = refuse(error instanceof Refusal ? error : new Refusal(500, 'internalError', String(error)));
    }
    logged.status = answer.status;
    if (!isWhole || fault === 'answer lost') response.destroy();
    else send(answer, response, request.method === 'HEAD', fault === 'cut off');
  }

  private nextFault(operation: BucketOperation): BucketFault | undefined {
    const planned = this.faults.get(operation);
    if (!planned || planned.times-- <= 0) return undefined;
    return planned.fault;
  }

  private async apply(fault: Exclude<BucketFault, string>, operation: BucketOperation): Promise<void> {
    if ('slowMs' in fault) await sleep(fault.slowMs);
    else if (fault.status === 403) throw forbidden(this.account.email, `storage.objects.${PERMISSIONS[operation]}`);
    else if (fault.status === 404) throw noSuchBucket();
    else if (fault.status === 429) throw tooFast();
    else throw unavailable();
  }
}

async function received(request: IncomingMessage): Promise<{ body: Buffer; isWhole: boolean }> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {
    // the client disconnected
  }
  return { body: Buffer.concat(chunks), isWhole: request.complete };
}

function send(
  { status, headers, body }: BucketResponse,
  response: ServerResponse,
  isHead: boolean,
  cutOff: boolean,
): void {
  const length = body?.length ?? 0;
  response.writeHead(status, { ...headers, ...(status !== 204 && { 'content-length': length }) });
  if (!body || isHead) response.end();
  else if (cutOff) response.write(body.subarray(0, length / 2), () => response.destroy());
  else response.end(body);
}
