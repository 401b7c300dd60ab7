import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { GoogleStandIn } from '../stand-ins/google.js';
import { jpeg } from '../support/images.js';
import { startService, type TestService, unique } from '../support/service.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Set to keep pictures of the page for a look at it. */
const { SCREENSHOTS } = process.env;

const inBrowser = process.env.CHROMIUM_PATH ? describe : describe.skip;
const launch = () =>
  chromium.launch({
    executablePath: process.env.CHROMIUM_PATH,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-background-networking', '--disable-sync'],
  });

/** How far the page is wider than the window. */
const overflow = (page: Page): Promise<number> => page.evaluate('document.documentElement.scrollWidth - innerWidth');

inBrowser('the static reference in a browser, without a web server', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-docs-'));
  let browser: Browser;
  beforeAll(async () => {
    execFileSync(process.execPath, ['scripts/write-docs.js', directory], { cwd: ROOT });
    browser = await launch();
  });
  afterAll(async () => {
    await browser.close();
    rmSync(directory, { recursive: true });
  });

  it.each([1280, 390])('shows operations and guides on a screen of %d pixels', async (width) => {
    const page = await browser.newPage({ viewport: { width, height: 900 } });
    const errors: string[] = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(error.message));
    await page.goto(pathToFileURL(join(directory, 'index.html')).href);
    const block = page.locator('.opblock[id$=createCustomer]');
    await block.locator('.opblock-summary-control').click();
    await block.locator('.responses-wrapper').waitFor();
    // resolves the references, or shows that it cannot
    await block.locator('.responses-wrapper .highlight-code').first().waitFor();
    expect(await page.locator('.errors-wrapper').count()).toBe(0);
    expect(await overflow(page)).toBeLessThanOrEqual(0);
    // on the colour of the badge around it
    const badge = 'getComputedStyle(document.querySelector(".info .version")).backgroundColor';
    expect(await page.evaluate(badge)).toBe('rgba(0, 0, 0, 0)');
    if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/reference-${width}.png`, fullPage: true });
    for (const name of await page.locator('nav.guides a').allTextContents()) {
      await page.getByRole('link', { name, exact: true }).first().click();
      expect(await page.locator('nav.guides [aria-current]').textContent()).toBe(name);
      expect(await page.title()).toMatch(/^\S.* \d+\.\d+\.\d+$/);
      expect([name, await overflow(page)]).toEqual([name, 0]);
    }
    expect(errors).toEqual([]);
    await page.close();
  });
});

inBrowser('/docs in a browser', () => {
  let google: GoogleStandIn;
  let service: TestService;
  let browser: Browser;
  let page: Page;
  const errors: string[] = [];

  beforeAll(async () => {
    google = await GoogleStandIn.start();
    service = await startService('SQLite', { env: google.env });
    google.register(`${service.anonymous.url}/login/google/callback`);
    browser = await launch();
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', (error) => errors.push(error.message));
    await open();
  });
  afterAll(async () => {
    await browser.close();
    await Promise.all([service.close(), google.close()]);
  });

  beforeEach(() => errors.splice(0));

  /** Without the fragment, which would open the last operation. */
  async function open(): Promise<void> {
    await page.goto('about:blank');
    await page.goto(`${service.anonymous.url}/docs`);
    await page.waitForSelector('.opblock');
  }

  const signIn = async (email: string, password: string): Promise<void> => {
    await page.fill('#sign-in [name=email]', email);
    await page.fill('#sign-in [name=password]', password);
    await page.click('#sign-in button >> nth=0');
  };
  const waitForState = (text: RegExp) => page.locator('#signed-in', { hasText: text }).waitFor();
  /** Opens an operation and executes it as it stands. */
  const tryOut = async (id: string, prepare?: () => Promise<unknown>): Promise<string> => {
    const block = page.locator(`.opblock[id$="${id}"]`);
    await block.locator('.opblock-summary-control').click();
    await block.locator('.try-out__btn').click();
    await prepare?.();
    await block.locator('.execute').click();
    const status = block.locator('.live-responses-table tbody .response-col_status').first();
    await status.waitFor();
    return (await status.textContent())!.trim();
  };

  it('has a title, an icon and a filter, and loads nothing from elsewhere', async () => {
    expect(await page.title()).toMatch(/^\S.* \d+\.\d+\.\d+$/);
    expect(await page.locator('.filter input').count()).toBe(1);
    const icon = await page.getAttribute('link[rel=icon]', 'href');
    expect((await fetch(new URL(icon!, page.url()))).headers.get('content-type')).toBe('image/svg+xml');
    const loaded: string[] = await page.evaluate('performance.getEntriesByType("resource").map(({ name }) => name)');
    expect(loaded.length).toBeGreaterThan(3);
    for (const url of loaded) expect(url.startsWith(service.anonymous.url) || url.startsWith('data:')).toBe(true);
    expect(errors).toEqual([]);
  });

  it('signs in with a password, and creates a customer with a photo that it then shows', async () => {
    const user = await service.user();
    await signIn(user.email, 'wrong');
    await waitForState(/^Wrong e-mail or password/);
    await signIn(user.email, user.password);
    await waitForState(/^Signed in/);

    const email = `docs-${unique()}@example.com`;
    const status = await tryOut('createCustomer', async () => {
      const block = page.locator('.opblock[id$=createCustomer]');
      await block.locator('.opblock-section-request-body select.content-type').selectOption('multipart/form-data');
      await block.locator('tr:has-text("email") input[type=text]').first().fill(email);
      await block
        .locator('input[type=file]')
        .setInputFiles({ name: 'photo.jpg', mimeType: 'image/jpeg', buffer: await jpeg() });
    });
    expect(status).toBe('201');
    const [created] = (await user.get(`/customers?email=${email}`)).body.data;
    expect(created.photo).not.toBeNull();
    expect(await tryOut('listCustomers')).toBe('200');
    // the browser logs the wrong password itself
    expect(errors.filter((text) => !text.includes('401'))).toEqual([]);
  });

  it('executes an operation twice without editing, and keeps the authorization over a reload', async () => {
    const user = await service.user({ role: 'admin' });
    await signIn(user.email, user.password);
    await waitForState(/^Signed in/);
    expect(await tryOut('listUsers')).toBe('200');
    const again = page.waitForResponse((response) => response.url().includes('/users'));
    await page.locator('.opblock[id$=listUsers] .execute').click();
    expect((await again).status()).toBe(200);
    await open();
    expect(await tryOut('listUsers')).toBe('200');
    expect(errors).toEqual([]);
  });

  it('signs in with a provider, and refreshes the token when it has expired', async () => {
    const user = await service.user();
    google.account = { sub: `subject-${unique()}`, email: user.email, email_verified: true };
    await page.click('[data-provider=google]');
    await waitForState(/^Signed in/);
    expect(page.url()).toBe(`${service.anonymous.url}/docs`);
    expect(await page.locator('[data-provider=facebook]').count()).toBe(0);
    await page.evaluate('tokens.refreshAt = 0');
    const refreshed = page.waitForResponse((response) => response.url().endsWith('/login/refresh'));
    expect(await tryOut('getProfile')).toBe('200');
    expect((await refreshed).status()).toBe(200);

    google.account = { sub: `subject-${unique()}`, email: 'nobody@example.com', email_verified: true };
    await page.context().clearCookies();
    await page.click('[data-provider=google]');
    await waitForState(/not_registered/);
    expect(errors).toEqual([]);
  });

  it('fits wide and narrow screens', async () => {
    await open();
    for (const id of ['listCustomers', 'createCustomer'])
      await page.locator(`.opblock[id$="${id}"] .opblock-summary-control`).click();
    await page.waitForSelector('.opblock[id$=createCustomer] .responses-wrapper');
    for (const width of [1280, 390]) {
      await page.setViewportSize({ width, height: 900 });
      if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/docs-${width}.png`, fullPage: true });
      expect(await overflow(page)).toBeLessThanOrEqual(0);
    }
  });
});
