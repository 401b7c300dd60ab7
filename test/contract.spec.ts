import type { OpenAPIObject } from '@nestjs/swagger';
import fc from 'fast-check';
import type { Answer, Client } from './support/client.js';
import { excuseOf } from './support/contract/excuses.js';
import { FORM_TYPE, type GeneratedRequest, operationsOf, requestsOf, type Role } from './support/contract/requests.js';
import { Schemas } from './support/contract/schemas.js';
import { jpeg } from './support/images.js';
import { newCustomer, startService, type TestService } from './support/service.js';

/** `npm run test:contract` sends more. */
const REQUESTS = Number(process.env.CONTRACT_REQUESTS ?? 300);
const SEED = Number(process.env.CONTRACT_SEED ?? Math.floor(Math.random() * 2 ** 31));
const CONCURRENCY = 8;
const BATCH = 500;
/** Ids of rows that exist: the generator prefers small ones. */
const ROWS = 25;

/** The codes of requests that are refused for a mistake, before anything is looked up. */
const REFUSALS = [
  ...['invalid_request', 'malformed_request', 'unsupported_media_type', 'payload_too_large', 'uri_too_long'],
  ...['headers_too_large', 'not_found', 'too_many_requests', 'overloaded'],
];
/** Providers are not configured here, which is found before the query is read. */
const PROVIDER_REFUSALS = ['provider_not_configured', 'reauthentication_required', 'invalid_login_state'];

const isWait = (text: string): boolean => /^(1?\d|2[0-5])$/.test(text);

describe('The OpenAPI and the service', () => {
  let service: TestService;
  let api: OpenAPIObject;
  let photo: Blob;
  let photoBytes: Uint8Array;
  const clients = {} as Record<Role, Client>;

  beforeAll(async () => {
    service = await startService('SQLite');
    ({ api } = service.anonymous as unknown as { api: OpenAPIObject });
    photoBytes = await jpeg(8, 8);
    photo = new Blob([new Uint8Array(photoBytes)]);
    // the delays after wrong passwords
    service.clock.pace = 1_000;
    for (let n = 0; n < ROWS; n++) {
      await service.admin.post('/customers', newCustomer());
      await service.user();
    }
    Object.assign(clients, { anonymous: service.anonymous, user: await service.user() });
    clients.admin = await service.user({ role: 'admin' });
  }, 300_000);
  afterAll(() => service.close());

  it('agree about generated requests of every route and role', async () => {
    const schemas = new Schemas(api);
    const operations = operationsOf(api);
    const arbitrary = requestsOf(operations, schemas);
    const drift = new Map<string, string>();
    const sent = new Map<string, number>();
    for (let done = 0; done < REQUESTS; done += BATCH) {
      const numRuns = Math.min(BATCH, REQUESTS - done);
      const requests = fc.sample(arbitrary, { seed: SEED + done, numRuns });
      const next = requests.values();
      const work = async (): Promise<void> => {
        for (const request of next) {
          const { operation, role, mistake } = request;
          sent.set(operation.id, (sent.get(operation.id) ?? 0) + 1);
          const found = await send(request).then(
            (answer) => judge(request, answer),
            (error: unknown) => (error as Error).message,
          );
          const kind = `${operation.id} ${role} ${mistake ?? 'valid'}`;
          if (found && !drift.has(kind))
            drift.set(kind, `${found}\n  ${JSON.stringify({ ...request, operation: undefined })}`);
        }
      };
      await Promise.all(Array.from({ length: CONCURRENCY }, work));
    }
    if (process.env.CONTRACT_REQUESTS)
      process.stdout.write(
        `${REQUESTS} requests of ${sent.size} operations, CONTRACT_SEED=${SEED}: ${drift.size} kinds of drift\n`,
      );
    if (drift.size > 0) {
      const list = [...drift].map(([kind, example]) => `${kind}: ${example}`);
      throw new Error(`CONTRACT_SEED=${SEED} finds ${drift.size} kinds of drift:\n${list.slice(0, 60).join('\n')}`);
    }
    if (REQUESTS >= 1_000) expect(sent.size).toBe(operations.length);
  }, 3_600_000);

  async function send({ operation, role, path, query, headers, body }: GeneratedRequest): Promise<Answer> {
    const filled = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(path[name]!));
    // a long poll is a valid request that only takes long
    const short = query.map(([name, value]): [string, string] => [
      name,
      name === 'wait' && isWait(value) ? '0' : value,
    ]);
    const search = short.length > 0 ? `?${new URLSearchParams(short).toString()}` : '';
    const answer = await clients[role].request(operation.method, filled + search, {
      headers: { ...headers, ...(body && body.type !== FORM_TYPE && { 'content-type': body.type }) },
      body: body && contentOf(body),
    });
    if (answer.status === 401 && role !== 'anonymous' && answer.body.code === 'unauthenticated')
      clients[role] = await service.user({ role });
    return answer;
  }

  function contentOf({ type, value, text }: NonNullable<GeneratedRequest['body']>): unknown {
    if (text !== undefined) return text;
    if (value === undefined) return photoBytes;
    if (type !== FORM_TYPE) return JSON.stringify(value);
    const form = new FormData();
    for (const [name, content] of Object.entries<string>(value))
      if (name === 'photo' || name === 'file')
        form.append(name, name === 'photo' ? photo : new Blob(['email,name,surname\n']), name);
      else form.append(name, content);
    return form;
  }

  /** What the response disagrees with the document about; the client has checked the response itself. */
  function judge(
    { operation, role, mistake, ...request }: GeneratedRequest,
    { status, body }: Answer,
  ): string | undefined {
    const { code, errors = [] } = (body ?? {}) as { code?: string; errors?: Array<{ pointer: string; code: string }> };
    const answer = `${status} ${code ?? ''} ${JSON.stringify(errors)}`;
    if (status === 401 && code === 'unauthenticated') return operation.access === 'public' ? answer : undefined;
    const isAllowed = operation.access !== 'admin' || role === 'admin';
    // media types are checked before a parser reads the body, and that before the guards
    if (!isAllowed || (operation.access !== 'public' && role === 'anonymous'))
      return code === 'forbidden' || (mistake && [400, 413, 414, 415].includes(status))
        ? undefined
        : `is not refused: ${answer}`;
    if (mistake !== undefined) {
      const isRefused =
        REFUSALS.includes(code ?? '') ||
        (/identit|SignIn/i.test(operation.id) && PROVIDER_REFUSALS.includes(code ?? '')) ||
        // what does not exist needs no valid path or cursor
        (status === 404 && /^path|cursor/.test(mistake)) ||
        code === 'photo_not_found';
      return isRefused ? undefined : `is accepted: ${answer}`;
    }
    if (code === 'invalid_request') {
      const unexcused = errors.filter((error) => !excuseOf(error, operation, request));
      return unexcused.length > 0 ? `is refused: ${JSON.stringify(unexcused)}` : undefined;
    }
    return [
      'malformed_request',
      'unsupported_media_type',
      'payload_too_large',
      'method_not_allowed',
      'not_found',
    ].includes(code ?? '') && !/\{code\}/.test(operation.path)
      ? `is refused: ${answer}`
      : undefined;
  }
});
