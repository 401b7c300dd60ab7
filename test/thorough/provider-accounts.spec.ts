import { createHmac } from 'node:crypto';
import type { FacebookStandIn } from '../stand-ins/facebook.js';
import { GoogleStandIn } from '../stand-ins/google.js';
import { Browser } from '../support/browser.js';
import { onEveryDatabase } from '../support/databases.js';
import { createSubject, ProviderLogin } from '../support/provider-login.js';
import type { TestService } from '../support/service.js';

onEveryDatabase((kind) => {
  let login: ProviderLogin;
  let service: TestService;
  let google: GoogleStandIn;
  let facebook: FacebookStandIn;
  let browser: Browser;

  beforeAll(async () => {
    login = await ProviderLogin.start(kind);
    ({ service, google, facebook } = login);
  });
  afterAll(() => login.close());
  beforeEach(() => {
    browser = new Browser(service.anonymous);
  });
  afterEach(() => login.reset());

  describe('the account of the provider', () => {
    let user: Awaited<ReturnType<TestService['user']>>;
    beforeAll(async () => {
      user = await login.createLinkedUser('google');
    });
    beforeEach(() => {
      login.setAccount('google', (user as unknown as { sub: string }).sub, user.email);
    });

    it.each([
      ['for another client', { aud: 'another-client' }],
      ['for several clients, issued to another', { aud: [GoogleStandIn.clientId, 'x'], azp: 'x' }],
      ['from another issuer', { iss: 'https://accounts.evil.example.com' }],
      ['with another nonce', { nonce: 'x'.repeat(22) }],
      ['without a nonce', { nonce: undefined }],
      ['that is expired', { exp: 1_700_000_000 }],
      ['without an expiry', { exp: undefined }],
      ['without a subject', { sub: undefined }],
      ['with a subject that is too long', { sub: 'x'.repeat(256) }],
    ])('refuses an id_token %s', async (_, changed) => {
      google.forge = (claims, sign) => sign({ ...claims, ...changed });
      const { status, body, headers } = await browser.walk('/login/google');
      expect([status, body.code]).toEqual([401, 'provider_login_failed']);
      expect(headers.has('www-authenticate')).toBe(true);
    });

    const segment = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    it.each([
      ['without a signature', (claims: object) => `${segment({ alg: 'none' })}.${segment(claims)}.`],
      ['signed with our client secret', (claims: object) => signedBySecret(claims)],
      [
        'with the signature of other claims',
        (_: object, right: string) => right.replace(/\.[^.]+\./, `.${segment({ sub: 'x' })}.`),
      ],
      ['that is not a JWT', () => 'x'],
    ])('refuses an id_token %s', async (_, forge) => {
      google.forge = async (claims, sign) => forge(claims, await sign(claims));
      const { status, body } = await browser.walk('/login/google');
      expect([status, body.code]).toEqual([401, 'provider_login_failed']);
    });

    it.each([[false], ['false'], ['true'], [undefined], [null]])(
      'ignores an e-mail whose email_verified is %j',
      async (isVerified) => {
        const fresh = await service.user();
        google.account = { sub: createSubject(), email: fresh.email, email_verified: isVerified as boolean };
        const { status, body } = await browser.walk('/login/google');
        expect([status, body.code]).toEqual([403, 'not_registered']);
        expect((await service.admin.get(`/users/${fresh.id}`)).body.identities).toEqual([]);
      },
    );

    it.each([[12345], [null], [''], [['1']], [{ id: 1 }]])('refuses the Facebook account id %j', async (id) => {
      const fresh = await service.user();
      facebook.account = { id, email: fresh.email };
      const { status, body } = await browser.walk('/login/facebook');
      expect([status, body.code]).toEqual([401, 'provider_login_failed']);
    });
  });
});

/** The algorithm confusion of RFC 8725, 2.1: the header makes a careless server use the client secret as HMAC key. */
function signedBySecret(claims: object): string {
  const text = [{ alg: 'HS256', typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${text}.${createHmac('sha256', GoogleStandIn.clientSecret).update(text).digest('base64url')}`;
}
