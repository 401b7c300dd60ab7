import { hash as argon2 } from '@node-rs/argon2';
import type { Client } from '../support/client.js';
import { onEveryDatabase } from '../support/databases.js';
import { createPasswordActions, werkzeugPbkdf2 } from '../support/passwords.js';
import { newUser, startService, type TestService } from '../support/service.js';

/** The same password from different keyboards and systems: composed, decomposed, fullwidth, with another space. */
const COMPOSED = 'Contraseña de José 7';
const FORMS = [
  COMPOSED,
  COMPOSED.normalize('NFD'),
  'Ｃｏｎｔｒａｓｅñａ　ｄｅ　Ｊｏｓé　７',
  COMPOSED.replaceAll(' ', '\u00a0'),
];
const OTHER = 'correct horse battery';

onEveryDatabase((kind) => {
  let service: TestService;
  const { createUser, createUserWithHash, signIn, rowOf } = createPasswordActions(() => service);

  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  const expectAllForms = async (email: string): Promise<void> => {
    for (const form of FORMS) expect((await signIn(email, form)).status).toBe(200);
    expect((await signIn(email, COMPOSED.toLowerCase())).status).toBe(401);
  };
  const errorOf = ({ status, body }: { status: number; body: any }): unknown[] => [
    status,
    body.errors?.[0].pointer,
    body.errors?.[0].code,
  ];

  describe('a new password works in every form', () => {
    it('of a created user', async () => {
      const { email } = await createUser({ password: FORMS[1] });
      await expectAllForms(email);
    });

    it('that was changed, and the current one may have another form', async () => {
      const { email } = await createUser({ password: FORMS[0] });
      const client = await service.anonymous.signIn(email, FORMS[1]!);
      const change = (currentPassword: string, newPassword: string) =>
        client.put('/me/password', { currentPassword, newPassword });
      expect((await change(FORMS[2]!, OTHER)).status).toBe(204);
      expect((await change(OTHER, FORMS[3]!)).status).toBe(204);
      await expectAllForms(email);
    });

    it('that a reset has set', async () => {
      const { id, email } = await createUser();
      const { token } = (await service.admin.post(`/users/${id}/password-reset`)).body;
      expect((await service.anonymous.post('/login/password', { token, newPassword: FORMS[2] })).status).toBe(204);
      await expectAllForms(email);
    });

    it('that links an account', async () => {
      const { email } = await createUser({ password: FORMS[0] });
      const client: Client = await service.anonymous.signIn(email, FORMS[0]!);
      const link = (password: string) => client.post('/me/identities/google', { password });
      // the password is checked before the provider, which is not configured
      for (const form of FORMS) expect((await link(form)).body.code).toBe('provider_not_configured');
      expect((await link('another password')).body.code).toBe('reauthentication_required');
    });
  });

  describe('a password that was stored as it was typed', () => {
    it.each(FORMS)('still works in that form (%s)', async (form) => {
      const { id, email } = await createUserWithHash(
        await argon2(form, { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 }),
      );
      const { password_hash: before } = await rowOf(id);
      expect((await signIn(email, `${form}.`)).status).toBe(401);
      expect((await signIn(email, form)).status).toBe(200);
      expect((await rowOf(id)).password_hash).toBe(before);
      const client = await service.anonymous.signIn(email, form);
      const passwords = { currentPassword: form, newPassword: FORMS[0] };
      expect((await client.put('/me/password', passwords)).status).toBe(204);
      await expectAllForms(email);
    });

    it('by the Flask service works in that form first, and in every form after that', async () => {
      const { email } = await createUserWithHash(werkzeugPbkdf2(FORMS[1]!));
      expect((await signIn(email, FORMS[0])).status).toBe(401);
      expect((await signIn(email, FORMS[1])).status).toBe(200);
      await expectAllForms(email);
    });
  });

  it('the rules for new passwords apply to the prepared form', async () => {
    const create = (password: string) => service.admin.post('/users', newUser({ password }));
    expect(errorOf(await create('ｐａｓｓｗｏｒｄ１'))).toEqual([400, '/password', 'too_common']);
    expect(errorOf(await create('\u00a0sunshine\u3000'))).toEqual([400, '/password', 'too_common']);
    // eight code points that are four letters
    expect(errorOf(await create('ñéüå'.normalize('NFD')))).toEqual([400, '/password', 'too_short']);
    expect(errorOf(await create('ﷺ'.repeat(8)))).toEqual([400, '/password', 'too_long']);
    for (const character of ['\u200b', '\ufeff', '\u202e', '\u00ad', '\t', '\u007f'])
      expect(errorOf(await create(`battery${character} staple`))).toEqual([400, '/password', 'invalid_text']);

    const letters = 'ñéüåàçõîýă';
    const longest = letters.repeat(12) + letters.slice(0, 8);
    const { email } = await createUser({ password: longest.normalize('NFD') });
    for (const form of ['NFC', 'NFD'] as const) expect((await signIn(email, longest.normalize(form))).status).toBe(200);
    expect(errorOf(await create(`${longest}ñ`))).toEqual([400, '/password', 'too_long']);
    expect(errorOf(await signIn(email, `${longest}ñ`))).toEqual([400, '/password', 'too_long']);
    expect(errorOf(await signIn(email, ' \u0301'.repeat(2_000)))).toEqual([400, '/password', 'too_long']);
  });

  it('an emoji with joiners is a password', async () => {
    const password = '👩🏽‍💻🏳️‍🌈🔑👨‍👩‍👧🗝️🔒🎲🎯';
    const { email } = await createUser({ password });
    expect((await signIn(email, password)).status).toBe(200);
  });
});
