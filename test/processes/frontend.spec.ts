import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { GoogleStandIn } from '../stand-ins/google.js';
import { startService, type TestService, unique } from '../support/service.js';

const TYPES: Record<string, string> = { html: 'text/html', js: 'text/javascript' };

/** Serves the example from another origin than the API, and writes the API's URL into the page. */
async function serveFrontend(api: () => string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const name = new URL(request.url!, 'http://x').pathname.slice(1) || 'index.html';
    readFile(new URL(`../frontend/${name}`, import.meta.url), 'utf8').then(
      (file) =>
        response
          .writeHead(200, { 'content-type': TYPES[name.split('.').at(-1)!] })
          .end(file.replace('https://crm.example.com', api())),
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

  beforeAll(async () => {
    [google, frontend] = await Promise.all([GoogleStandIn.start(), serveFrontend(() => service.anonymous.url)]);
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

  it('signs in, reads and writes customers, and signs out', async () => {
    const user = await service.user();
    google.account = { sub: `subject-${unique()}`, email: user.email, email_verified: true };
    await page.goto(frontend.url);
    await waitForState(/Signed out/);
    await page.click('#sign-in');
    expect(await waitForState(/Signed in/)).toContain(user.email);
    // neither code nor tokens remain in the URL or in storage
    expect(page.url()).toBe(frontend.url);
    expect(await page.evaluate('sessionStorage.length + localStorage.length')).toBe(0);

    await page.click('#add');
    await page.waitForSelector('li:has-text("Ana María de la Cruz, Cruz S.L.")');
    const sessions = await user.get('/me/sessions');
    expect(sessions.body.data[0].userAgent).toContain('Chrome');

    await page.click('#sign-out');
    await waitForState(/Signed out/);
    expect((await user.get('/me/sessions')).body.data).toHaveLength(sessions.body.data.length - 1);
    expect(errors).toEqual([]);
  });

  it('refreshes an expired access token, until the session ends', async () => {
    const user = await service.user();
    google.account = { sub: `subject-${unique()}`, email: user.email, email_verified: true };
    await page.goto(frontend.url);
    await page.context().clearCookies();
    await page.click('#sign-in');
    await waitForState(/Signed in/);
    const before = await generationOf(user.id);

    service.clock.forward(11 * 60_000);
    // two requests that get 401 at the same time
    const answers = Promise.all(
      ['/me', '/customers'].map((path) =>
        page.waitForResponse(
          (answer) => answer.url().includes(path) && answer.request().method() === 'GET' && answer.ok(),
        ),
      ),
    );
    await page.click('#show');
    await answers;
    await waitForState(/Signed in/);
    expect(await generationOf(user.id)).toBe(before + 1);
    // the browser logs the two 401 itself
    expect(errors.filter((text) => !text.includes('401'))).toEqual([]);

    service.clock.reset();
    await service.admin.delete(`/users/${user.id}/sessions`);
    await page.click('#show');
    await waitForState(/^Failed: invalid_refresh_token$/);
    await page.waitForSelector('#sign-in:visible');
    expect(await page.isVisible('#customers')).toBe(false);
  });

  it('shows why the sign-in failed', async () => {
    google.account = null;
    await page.goto(frontend.url);
    await page.context().clearCookies();
    await page.click('#sign-in');
    expect(await waitForState(/Failed/)).toBe('Failed: login_refused');
    google.account = { sub: `subject-${unique()}`, email: 'nobody@example.com', email_verified: true };
    await page.context().clearCookies();
    await page.click('#sign-in');
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
