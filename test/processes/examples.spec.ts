import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolve } from '../../src/openapi/components.js';
import { type Answer, Client } from '../support/client.js';
import { operationsOf } from '../support/contract/requests.js';
import { jpeg } from '../support/images.js';
import { API } from '../support/openapi.js';
import { type Program, startProgram, stopPrograms } from '../support/program.js';

type Examples = Record<string, { value: unknown } | { $ref: string }>;

/** Tokens and codes cannot be examples that work, and a new service knows no provider. */
const REFUSED: Record<string, number> = {
  refreshTokens: 401,
  redeemPasswordToken: 400,
  exchangeLoginCode: 400,
  startGoogleSignIn: 503,
  startFacebookSignIn: 503,
  completeGoogleSignIn: 503,
  completeFacebookSignIn: 503,
  linkIdentity: 503,
  unlinkIdentity: 404,
  unlinkUserIdentity: 404,
  getPhoto: 404,
};

/** In the order of the document, except what would end the session or the customer of the others. */
const LAST = ['eraseCustomer', 'changePassword', 'endSession', 'signOut'];

describe('The examples of the OpenAPI', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'crm-examples-'));
  const login = API.components!.examples!.Login as unknown as { value: { email: string; password: string } };
  let program: Program;
  let client: Client;

  beforeAll(async () => {
    const { email, password } = login.value;
    const env = { PATH: process.env.PATH!, PORT: '0', DATA_DIR: dataDir, ADMIN_EMAIL: email, ADMIN_PASSWORD: password };
    program = startProgram(env, dataDir);
    client = new Client(await program.address(), API);
  });
  afterAll(() => {
    stopPrograms();
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('work as they stand on a new service', async () => {
    const operations = operationsOf(API).toSorted((a, b) => LAST.indexOf(a.id) - LAST.indexOf(b.id));
    const wrong: string[] = [];
    const signIn = async (): Promise<Client> => client.signIn(login.value.email, login.value.password);
    let admin = await signIn();
    for (const operation of operations) {
      const path = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => {
        const { schema } = operation.parameters.find((parameter) => parameter.name === name)!;
        const { example, enum: values } = resolve<Record<string, any>>(API, schema);
        return String(example ?? values.at(-1));
      });
      const query = operation.parameters
        .filter((parameter) => parameter.in === 'query' && parameter.required)
        .map(({ name, schema }) => `${name}=${schema.example}`)
        .join('&');
      for (const [type, body] of await bodiesOf(operation)) {
        const headers: Record<string, string> = type ? { 'content-type': type } : {};
        const send = (): Promise<Answer> =>
          admin.request(operation.method, query ? `${path}?${query}` : path, { headers, body });
        let answer = await send();
        if (answer.status === 401 && answer.body.code === 'unauthenticated') {
          admin = await signIn();
          answer = await send();
        }
        const expected = REFUSED[operation.id];
        if (expected === undefined ? answer.status >= 300 : answer.status !== expected)
          wrong.push(`${operation.id} ${type}: ${answer.status} ${JSON.stringify(answer.body)}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  /** Every example of the body, with its media type. */
  async function bodiesOf({ body }: ReturnType<typeof operationsOf>[number]): Promise<Array<[string, any]>> {
    if (!body) return [['', undefined]];
    const bodies: Array<[string, any]> = [];
    for (const [type, media] of Object.entries(body.content)) {
      const { examples, example } = media as { examples?: Examples; example?: unknown };
      if (type.startsWith('image/')) bodies.push([type, await jpeg()]);
      if (type === 'multipart/form-data') continue;
      if (example !== undefined) bodies.push([type, example]);
      for (const found of Object.values(examples ?? {}))
        bodies.push([type, resolve<{ value: unknown }>(API, found).value]);
    }
    return bodies;
  }
});
