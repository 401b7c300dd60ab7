import type { Answer } from './client.js';

export function expectSecurityHeaders({ headers }: Answer): void {
  expect(headers.get('x-content-type-options')).toBe('nosniff');
  expect(headers.get('content-security-policy')).toContain(`default-src 'none'`);
  expect(headers.get('content-security-policy')).toContain(`frame-ancestors 'none'`);
  expect(headers.get('strict-transport-security')).toMatch(/max-age=\d{7,}/);
  expect(headers.get('referrer-policy')).toBe('no-referrer');
  expect(headers.has('x-powered-by')).toBe(false);
  expect(headers.has('server')).toBe(false);
}
