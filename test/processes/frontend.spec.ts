import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Browser, chromium, type Page } from 'playwright-core';
import { GoogleStandIn } from '../stand-ins/google.js';
import { jpeg } from '../support/images.js';
import { startService, type TestService, unique } from '../support/service.js';

const TYPES: Record<string, string> = { html: 'text/html', js: 'text/javascript', css: 'text/css' };
const root = fileURLToPath(new URL('../../', import.meta.url));

async function bundleClient(file: string): Promise<void> {
  const args = ['client/src/index.ts', '--bundle', '--format=esm', '--target=es2022', `--outfile=${file}`];
  await promisify(execFile)(join(root, 'node_modules/.bin/esbuild'), args, { cwd: root });
}

/** Serves the example from another origin than the API, and writes the API's URL into the page. */
async function serveFrontend(api: () => string, client: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const name = new URL(request.url!, 'http://x').pathname.slice(1) || 'index.html';
    const path = name === 'crm-client.js' ? client : join(root, 'examples/frontend', name);
    readFile(path, 'utf8').then(
      (file) =>
        response
          .writeHead(200, { 'content-type': TYPES[name.split('.').at(-1)!] })
          .end(file.replace('http://127.0.0.1:5000', api())),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { server, url: `http://localhost:${(server.address() as AddressInfo).port}/` };
}

(process.env.CHROMIUM_PATH ? describe : describe.skip)('a frontend in a browser', () => {
  let google: GoogleStandIn;
  let frontend: { server: Server; url: string };
  let service: TestService;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];
  const directory = mkdtempSync(join(tmpdir(), 'crm-frontend-'));

  beforeAll(async () => {
    const client = join(directory, 'crm-client.js');
    await bundleClient(client);
    google = await GoogleStandIn.start();
    frontend = await serveFrontend(() => service.anonymous.url, client);
    service = await startService('SQLite', {
      env: { ...google.env, CORS_ORIGINS: new URL(frontend.url).origin, LOGIN_RETURN_URLS: frontend.url },
    });
    google.register(`${service.anonymous.url}/login/google/callback`);
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM_PATH,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-sync'],
    });
    page = await browser.newPage();
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(error.message));
  });
  afterAll(async () => {
    await browser.close();
    frontend.server.close();
    await Promise.all([service.close(), google.close()]);
    rmSync(directory, { recursive: true });
  });

  beforeEach(() => errors.splice(0));
  afterEach(() => service.clock.reset());

  const waitForState = async (text: RegExp): Promise<string> => {
    const state = page.locator('#state', { hasText: text });
    await state.waitFor();
    return (await state.textContent())!;
  };

  const generationOf = async (userId: number) => {
    const sql = 'SELECT generation FROM sessions WHERE user_id = ? ORDER BY id DESC LIMIT 1';
    return (await service.dataSource.query<[{ generation: number }]>(sql, [userId]))[0].generation;
  };

  const signInWithGoogle = async (email: string): Promise<void> => {
    google.account = { sub: `subject-${unique()}`, email, email_verified: true };
    await page.goto(frontend.url);
    await page.context().clearCookies();
    await page.click('[data-provider=google]');
    await waitForState(/Signed in|Failed/);
  };

  it('signs in with Google, and signs out', async () => {
    const user = await service.user();
    await page.goto(frontend.url);
    await waitForState(/Signed out/);
    await signInWithGoogle(user.email);
    expect(await waitForState(/Signed in/)).toContain(user.email);
    // neither code nor tokens remain in the URL or in storage
    expect(page.url()).toBe(frontend.url);
    expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0);
    const sessions = await user.get('/me/sessions');
    expect(sessions.body.data[0].userAgent).toContain('Chrome');
    await page.click('#sign-out');
    await waitForState(/Signed out/);
    expect((await user.get('/me/sessions')).body.data).toHaveLength(sessions.body.data.length - 1);
    expect(errors).toEqual([]);
  });

  it('signs in with a password, adds a customer with a photo, and finds it while typing', async () => {
    const user = await service.user();
    await page.goto(frontend.url);
    await page.fill('#sign-in [name=email]', user.email);
    await page.fill('#sign-in [name=password]', user.password);
    await page.click('#sign-in button >> nth=0');
    await waitForState(/Signed in/);

    const email = `zoe-${unique()}@example.com`;
    await page.fill('#create [name=email]', email);
    await page.fill('#create [name=name]', 'Zoë');
    await page.fill('#create [name=surname]', 'Straße');
    await page.setInputFiles('#create [name=photo]', { name: 'zoe.jpg', mimeType: 'image/jpeg', buffer: await jpeg() });
    await page.click('#create button');
    await page.waitForSelector('li:has-text("Zoë Straße")');
    await page.fill('#search', 'strasse zo');
    const photo = page.locator('li:has-text("Zoë Straße") img');
    await photo.waitFor();
    await page.waitForFunction('document.querySelector("li img").naturalWidth > 0');
    await page.fill('#search', 'nobody');
    await page.waitForSelector('li', { state: 'detached' });
    expect(errors).toEqual([]);
  });

  it('shows a change that conflicts, and saves it again', async () => {
    const user = await service.user();
    const surname = `Conflict${unique()}`;
    const created = await user.post('/customers', { email: `c-${unique()}@example.com`, name: 'Ana', surname });
    await signInWithGoogle(user.email);
    await page.fill('#search', surname);
    await page.click(`li:has-text("${surname}") button`);
    await page.fill('#edit [name=company]', 'Mine');
    await user.patch(`/customers/${created.body.id}`, { company: 'Theirs' });
    await page.click('#edit button');
    expect(await waitForState(/changed it meanwhile/)).toContain('Theirs');
    await page.fill('#edit [name=company]', 'Ours');
    await page.click('#edit button');
    await page.waitForSelector(`li:has-text("Ana ${surname}, Ours")`);
    // the browser logs the 412 itself
    expect(errors.filter((text) => !text.includes('412'))).toEqual([]);
  });

  it('refreshes an expired access token, until the session ends', async () => {
    const user = await service.user();
    await signInWithGoogle(user.email);
    const before = await generationOf(user.id);
    service.clock.forward(11 * 60_000);
    await page.fill('#search', 'anything');
    // the search and the profile are read with one new token
    await page.waitForResponse((response) => response.url().endsWith('/me') && response.ok());
    await waitForState(/Signed in/);
    expect(await generationOf(user.id)).toBe(before + 1);
    // the browser logs the 401 itself
    expect(errors.filter((text) => !text.includes('401'))).toEqual([]);

    service.clock.reset();
    await service.admin.delete(`/users/${user.id}/sessions`);
    await page.fill('#search', 'something else');
    await waitForState(/^Failed: invalid_refresh_token/);
    await page.waitForSelector('#sign-in:visible');
    expect(await page.isVisible('#customers')).toBe(false);
  });

  it('shows why the sign-in failed', async () => {
    google.account = null;
    await page.goto(frontend.url);
    await page.context().clearCookies();
    await page.click('[data-provider=google]');
    expect(await waitForState(/Failed/)).toBe('Failed: login_refused');
    await signInWithGoogle('nobody@example.com');
    expect(await waitForState(/not_registered/)).toBe('Failed: not_registered');
    expect(errors).toEqual([]);
  });

  it('ignores a code that it did not request', async () => {
    await page.goto(`${frontend.url}?code=foreign`);
    await waitForState(/Signed out/);
    expect(page.url()).toBe(frontend.url);
    expect(errors).toEqual([]);
  });

  it('cannot read responses on an origin that is not allowed', async () => {
    const elsewhere = frontend.url.replace('localhost', '127.0.0.1');
    await page.goto(elsewhere);
    const answer = page.evaluate(`fetch('${service.anonymous.url}/livez').then(() => 'read', () => 'refused')`);
    expect(await answer).toBe('refused');
  });
});
