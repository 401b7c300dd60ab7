import { setTimeout as sleep } from 'node:timers/promises';
import { Metrics } from '../../src/metrics/metrics.js';
import { onEveryDatabase } from '../support/databases.js';
import { type LogLine, until } from '../support/program.js';
import { newCustomer, startService, type TestService } from '../support/service.js';
import { portOf, raw } from '../support/sockets.js';

onEveryDatabase((kind) => {
  describe('every problem that is sent', () => {
    let service: TestService;
    const lines: LogLine[] = [];
    let authorization: string;
    let id: number;

    beforeAll(async () => {
      const log = (line: string): unknown => lines.push(JSON.parse(line));
      service = await startService(kind, { env: { LOG_LEVEL: 'info', METRICS_PORT: '0' }, log });
      authorization = `Authorization: Bearer ${service.admin.accessToken}`;
      id = (await service.admin.post('/customers', newCustomer())).body.id;
      // as in production, but shorter
      Object.assign(service.app.getHttpServer(), { headersTimeout: 400, requestTimeout: 800 });
    });
    afterAll(() => service.close());

    const countOf = async (code: string): Promise<number> => {
      const text = await service.app.get(Metrics).registry.getSingleMetricAsString('crm_problems_total');
      return Number(new RegExp(`code="${code}"} (\\d+)`).exec(text)?.[1] ?? 0);
    };

    const host = 'Host: a\r\n';
    const json = `${host}Content-Type: application/json\r\n`;
    const chunked = `${json}Transfer-Encoding: chunked\r\n`;
    const end = 'Connection: close\r\n\r\n';

    it.each<[what: string, status: number, code: string, text: () => string]>([
      ['malformed HTTP', 400, 'malformed_request', () => 'GET / HTTP/1.1\r\nHost : a\r\n\r\n'],
      ['no Host', 400, 'malformed_request', () => 'GET /livez HTTP/1.1\r\n\r\n'],
      ['two Hosts', 400, 'malformed_request', () => 'GET /livez HTTP/1.1\r\nHost: a\r\nhost: b\r\n\r\n'],
      ['a malformed URL', 400, 'malformed_request', () => `GET /%zz HTTP/1.1\r\n${host}${end}`],
      ['a malformed chunk', 400, 'malformed_request', () => `POST /login HTTP/1.1\r\n${chunked}\r\nzz\r\n`],
      [
        'a malformed body',
        400,
        'malformed_request',
        () => `POST /login HTTP/1.1\r\n${json}Content-Length: 1\r\n${end}{`,
      ],
      ['no token', 401, 'unauthenticated', () => `GET /me HTTP/1.1\r\n${host}${end}`],
      ['an unknown path', 404, 'not_found', () => `GET /none HTTP/1.1\r\n${host}${end}`],
      ['late headers', 408, 'request_timeout', () => 'GET / HTTP/1.1\r\nHost: a\r\nX-'],
      ['a late body', 408, 'request_timeout', () => `POST /login HTTP/1.1\r\n${json}Content-Length: 9\r\n\r\n{`],
      ['a late chunk', 408, 'request_timeout', () => `POST /login HTTP/1.1\r\n${chunked}\r\n1\r\n{\r\n`],
      [
        'a late upload',
        408,
        'request_timeout',
        () =>
          `PUT /customers/${id}/photo HTTP/1.1\r\n${host}${authorization}\r\nContent-Type: image/png\r\nContent-Length: 9\r\n\r\n1`,
      ],
      [
        'a declared long body',
        413,
        'payload_too_large',
        () => `POST /login HTTP/1.1\r\n${json}Content-Length: 9999\r\n\r\n`,
      ],
      [
        'a long body in chunks',
        413,
        'payload_too_large',
        () => `POST /login HTTP/1.1\r\n${chunked}\r\n2800\r\n${' '.repeat(0x2800)}\r\n`,
      ],
      ['a long parameter', 414, 'uri_too_long', () => `GET /customers/${'1'.repeat(200)} HTTP/1.1\r\n${host}${end}`],
      [
        'another media type',
        415,
        'unsupported_media_type',
        () => `POST /login HTTP/1.1\r\n${host}Content-Type: text/plain\r\nContent-Length: 1\r\n${end}x`,
      ],
      ['an expectation', 417, 'expectation_failed', () => `GET /livez HTTP/1.1\r\n${host}Expect: x\r\n${end}`],
      ['another method', 405, 'method_not_allowed', () => `PURGE /livez HTTP/1.1\r\n${host}${end}`],
      ['long headers', 431, 'headers_too_large', () => `GET / HTTP/1.1\r\n${host}X-A: ${'a'.repeat(17_000)}\r\n\r\n`],
    ])('has its code in the log and in the metrics: %s', async (_, status, code, text) => {
      const before = await countOf(code);
      const answer = await raw(portOf(service.anonymous), text());
      expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      const problem = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))) as { code: string; requestId: string };
      expect(problem.code).toBe(code);
      expect(/^x-request-id: (.*)\r$/im.exec(answer)![1]).toBe(problem.requestId);
      await until(() => lines.some(({ requestId }) => requestId === problem.requestId));
      // a second line would follow at once
      await sleep(50);
      const found = lines.filter(({ requestId }) => requestId === problem.requestId);
      expect(found).toEqual([expect.objectContaining({ code, httpRequest: expect.objectContaining({ status }) })]);
      expect(await countOf(code)).toBe(before + 1);
    });
  });
});
