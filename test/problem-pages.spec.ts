import { PROBLEMS } from '../src/problems/catalog.js';
import { startService, type TestService } from './support/service.js';

const CODES = Object.keys(PROBLEMS) as Array<keyof typeof PROBLEMS>;
/** What Chromium sends. */
const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

describe('the documentation of problems', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startService('SQLite');
  });
  afterAll(() => service.close());

  const read = (path: string, accept: string) => service.anonymous.get(path, { headers: { accept } });

  it('is JSON for programs', async () => {
    for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.5']) {
      const { body, headers } = await read('/problems/version_conflict', accept);
      expect(body).toMatchObject({ code: 'version_conflict', status: 412, advice: expect.stringContaining('ETag') });
      expect(headers.get('vary')).toContain('Accept');
    }
    const { body } = await read('/problems', 'application/json');
    expect(body.data.map(({ code }: { code: string }) => code)).toEqual(CODES);
  });

  it('is a page for browsers, which loads nothing and runs no scripts', async () => {
    const { body, headers } = await read('/problems/invalid_request', BROWSER);
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(headers.get('content-security-policy')).toContain("default-src 'none'");
    for (const heading of ['What happened', 'What to do', 'Example']) expect(body).toContain(`<h2>${heading}</h2>`);
    expect(body).toContain('<code>errors</code>');
    expect(body).toContain('&quot;pointer&quot;: &quot;/email&quot;');
    expect(body).toContain(`${service.anonymous.url}/problems/invalid_request`);
    expect(body).not.toMatch(/<script|http:\/\/(?!127\.0\.0\.1)|src=/);
  });

  it('has a page for every code, and an index that links them', async () => {
    const index = await read('/problems', BROWSER);
    const statuses = [...index.body.matchAll(/<tr><td>(\d+)<\/td>/g)].map(([, status]) => Number(status));
    expect(statuses).toEqual(CODES.map((code) => PROBLEMS[code].status).sort((one, other) => one - other));
    for (const code of CODES) {
      expect(index.body).toContain(`href="problems/${code}"`);
      const { status, body } = await read(`/problems/${code}`, BROWSER);
      expect([code, status]).toEqual([code, 200]);
      expect(body).toContain(PROBLEMS[code].title.replaceAll('"', '&quot;'));
    }
  });

  it('is 404 for an unknown code, also in capitals', async () => {
    for (const code of ['unknown', 'VERSION_CONFLICT', 'constructor'])
      for (const accept of [BROWSER, 'application/json'])
        expect((await read(`/problems/${code}`, accept)).body).toMatchObject({
          status: 404,
          code: 'not_found',
          detail: expect.stringContaining('/problems'),
        });
  });
});
