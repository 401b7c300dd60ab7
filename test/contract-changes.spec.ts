import { readFileSync } from 'node:fs';

interface Changes {
  breakingChanges: (before: any, after: any) => string[];
  allowsBreakingChanges: (version: string, released: string) => boolean;
}

const SCRIPT: string = '../scripts/contract-changes.js';

describe('The comparison of contracts', () => {
  let changes: Changes;
  const before = JSON.parse(readFileSync(new URL('../openapi.json', import.meta.url), 'utf8'));
  let after: any;
  beforeAll(async () => {
    changes = (await import(SCRIPT)) as Changes;
  });
  beforeEach(() => {
    after = structuredClone(before);
  });

  const schema = (name: string): any => after.components.schemas[name];

  it('finds nothing in the same document', () => {
    expect(changes.breakingChanges(before, after)).toEqual([]);
  });

  it.each<[what: string, change: () => void, found: RegExp]>([
    ['an operation that was removed', () => delete after.paths['/me'].get, /^GET \/me was removed/],
    ['a method name that was changed', () => (after.paths['/me'].get.operationId = 'me'), /operation id getProfile/],
    [
      'a parameter that was removed',
      () => after.paths['/customers'].get.parameters.pop(),
      /^GET \/customers: the query parameter hasPhoto was removed/,
    ],
    ['a narrower parameter', () => (after.components.parameters.limit.schema.maximum = 100), /limit: maximum is 100/],
    ['a value that is refused', () => after.components.parameters.sort.schema.enum.pop(), /sort: .* is refused/],
    ['a member that is required', () => schema('CreateUser').required.push('role'), /member role is required/],
    [
      'a member of a request that was removed',
      () => delete schema('CreateCustomer').properties.notes,
      /notes was removed/,
    ],
    ['null that is refused', () => (schema('CreateCustomer').properties.notes = { type: 'string' }), /null is refused/],
    ['a member of a response that was removed', () => delete schema('Customer').properties.phone, /phone was removed/],
    ['a member of a response that may be missing', () => schema('Customer').required.pop(), /may be missing/],
    ['another type', () => (schema('Customer').properties.id = { type: 'string' }), /string is new/],
    [
      'a header that was removed',
      () => delete after.paths['/customers'].post.responses['201'].headers.Location,
      /Location/,
    ],
    [
      'a media type that was removed',
      () => delete after.paths['/customers'].post.requestBody.content['multipart/form-data'],
      /multipart/,
    ],
    ['a route that was closed', () => delete after.paths['/livez'].get.security, /requires sign-in/],
  ])('finds %s', (_, change, found) => {
    change();
    expect(changes.breakingChanges(before, after).join('\n')).toMatch(found);
  });

  it.each<[what: string, change: () => void]>([
    ['a new operation', () => (after.paths['/new'] = { get: after.paths['/me'].get })],
    ['a new optional member of a request', () => (schema('CreateUser').properties.title = { type: 'string' })],
    ['a new member of a response', () => (schema('Customer').properties.title = { type: 'string' })],
    ['another problem', () => (after.paths['/me'].get.responses['409'] = {})],
    ['a wider parameter', () => (after.components.parameters.limit.schema.maximum = 500)],
    ['a new description', () => (schema('Customer').description = 'x')],
  ])('allows %s', (_, change) => {
    change();
    expect(changes.breakingChanges(before, after)).toEqual([]);
  });

  it.each([
    ['0.2.0', '0.1.9', true],
    ['0.2.1', '0.2.0', false],
    ['1.0.0', '0.9.0', true],
    ['1.3.0', '1.2.0', false],
    ['2.0.0', '1.9.9', true],
  ])('lets version %s after %s break clients: %s', (version, released, isAllowed) => {
    expect(changes.allowsBreakingChanges(version, released)).toBe(isAllowed);
  });
});
