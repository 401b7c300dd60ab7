import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { GoogleStandIn } from './stand-ins/google.js';
import { startService, type TestService, unique } from './support/service.js';

const TYPES: Record<string, string> = { html: 'text/html', js: 'text/javascript' };

/** The example's own server, on another origin than the API's. */
async function serveFrontend(): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const name = new URL(request.url!, 'http://x').pathname.slice(1) || 'index.html';
    readFile(new URL(`frontend/${name}`, import.meta.url)).then(
      (file) => response.writeHead(200, { 'content-type': TYPES[name.split('.').at(-1)!] }).end(file),
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
  const complaints: string[] = [];

  beforeAll(async () => {
    [google, frontend] = await Promise.all([GoogleStandIn.start(), serveFrontend()]);
    service = await startService('SQLite', {
      env: { ...google.env, CORS_ORIGINS: new URL(frontend.url).origin, LOGIN_RETURN_URLS: frontend.url },
    });
    google.register(`${service.anonymous.url}/login/google/callback`);
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM_PATH,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-sync'],
    });
    page = await browser.newPage();
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
  });
  afterAll(async () => {
    await browser.close();
    frontend.server.close();
    await Promise.all([service.close(), google.close()]);
  });

  const says = async (words: RegExp): Promise<string> => {
    const state = page.locator('#state', { hasText: words });
    await state.waitFor({ timeout: 10_000 });
    return (await state.textContent())!;
  };

  it('signs in, works with customers, refreshes and signs out', async () => {
    const user = await service.user();
    google.account = { sub: `subject-${unique()}`, email: user.email, email_verified: true };
    await page.goto(`${frontend.url}#api=${service.anonymous.url}`);
    await says(/Signed out/);
    await page.click('#sign-in');
    expect(await says(/Signed in/)).toContain(user.email);
    // neither code nor token is left where others might look
    expect(page.url()).toBe(frontend.url);
    expect(await page.evaluate('JSON.stringify({ ...sessionStorage, ...localStorage })')).not.toMatch(/ey|code/);

    await page.click('#add');
    await page.waitForSelector('li:has-text("Ana María de la Cruz, Cruz S.L.")');
    const [, before] = / until (.*)$/.exec(await says(/Signed in/))!;
    await page.waitForTimeout(5);
    await page.click('#refresh');
    await says(new RegExp(` until (?!${before})`));
    const sessions = await user.get('/me/sessions');
    expect(sessions.body.data[0].userAgent).toContain('Chrome');

    await page.click('#sign-out');
    await says(/Signed out/);
    expect((await user.get('/me/sessions')).body.data).toHaveLength(sessions.body.data.length - 1);
    expect(complaints).toEqual([]);
  });

  it('says what went wrong', async () => {
    google.account = null;
    await page.goto(frontend.url);
    await page.click('#sign-in');
    expect(await says(/Failed/)).toBe('Failed: login_refused');
    google.account = { sub: `subject-${unique()}`, email: 'nobody@example.com', email_verified: true };
    await page.context().clearCookies();
    await page.click('#sign-in');
    expect(await says(/not_registered/)).toBe('Failed: not_registered');
    expect(complaints).toEqual([]);
  });

  it('is not answered on an origin that is not allowed', async () => {
    const elsewhere = frontend.url.replace('localhost', '127.0.0.1');
    await page.goto(`${elsewhere}#api=${service.anonymous.url}`);
    const answer = page.evaluate(`fetch('${service.anonymous.url}/livez').then(() => 'read', () => 'refused')`);
    expect(await answer).toBe('refused');
  });
});
