import type { Answer, Client } from '../support/client.js';
import { CustomerFixture } from '../support/customer-fixture.js';
import { onEveryDatabase } from '../support/databases.js';
import { form } from '../support/forms.js';
import { newCustomer, newUser, startService, type TestService } from '../support/service.js';

const first = ({ status, body }: Answer): unknown[] => {
  const { pointer, code, message } = body.errors[0];
  return [status, pointer, code, message];
};
/** A name with the character that the message must name. */
const nameOf = (character: string): string =>
  `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;

onEveryDatabase((kind) => {
  let service: TestService;
  let customers: CustomerFixture;
  let user: Client & { id: number };

  beforeAll(async () => {
    service = await startService(kind);
    customers = new CustomerFixture(service);
    user = await service.user();
  });
  afterAll(() => service.close());

  const NOT_IN_EMAILS =
    '\u0085\u00a0\u00ad\u034f\u061c\u115f\u1680\u180e\u2000\u200b\u200d\u200e\u2028\u202e\u202f\u2060\u2066\u2800' +
    '\u3000\u3164\ue000\ufdd0\ufe0f\ufeff\ufffd\u{1d173}\u{e0001}\u{e0061}\u{e0100}\u{f0000}';

  describe('an e-mail with a character that makes it look like another', () => {
    const refusal = (character: string): unknown[] => [
      400,
      '/email',
      'invalid_email',
      `Must be an e-mail address, but contains ${nameOf(character)}.`,
    ];

    it('is refused for every such character', async () => {
      const { email } = await customers.create();
      for (const character of NOT_IN_EMAILS) {
        const alias = email.replace('@', `${character}@`);
        expect(first(await user.post('/customers', newCustomer({ email: alias })))).toEqual(refusal(character));
      }
    });

    it('is refused wherever an e-mail is stored, at every position', async () => {
      const { id, email, version } = await customers.create();
      const account = await service.user({ email });
      for (const alias of [`\ufeff${email}`, email.replace('.', '\ufeff.'), `${email}\ufeff`]) {
        expect(first(await user.post('/customers', form(newCustomer({ email: alias }))))).toEqual(refusal('\ufeff'));
        expect(first(await user.patch(`/customers/${id}`, { email: alias }))).toEqual(refusal('\ufeff'));
        expect(first(await service.admin.post('/users', newUser({ email: alias })))).toEqual(refusal('\ufeff'));
        expect(first(await service.admin.patch(`/users/${account.id}`, { email: alias }))).toEqual(refusal('\ufeff'));
      }
      expect((await user.get(`/customers/${id}`)).body).toMatchObject({ email, version });
    });

    it('finds no customer and no user', async () => {
      const { email } = await customers.create();
      const account = await service.user({ email });
      for (const character of ['\u00a0', '\u200b', '\ufeff', '\u3000']) {
        for (const path of ['/customers', '/users']) {
          const { status, body } = await service.admin.get(`${path}?email=${encodeURIComponent(character + email)}`);
          expect([status, body.data]).toEqual([200, []]);
        }
        const { password } = account;
        const { status, body } = await service.anonymous.post('/login', { email: email + character, password });
        expect([status, body.code]).toEqual([401, 'invalid_credentials']);
      }
      expect((await service.admin.get(`/users?email=%20${encodeURIComponent(email)}%09`)).body.data).toHaveLength(1);
    });
  });

  it.each([
    'foo..bar@docomo.ne.jp',
    '.foo.@ezweb.ne.jp',
    "o'brien+crm@example.ie",
    'jörg@exämple.de',
    'jo\u0301rg@xn--exmple-cua.de',
    '用户@例え.テスト',
    'ana@example.photography',
    `${'é'.repeat(32)}@example.com`,
    `${'a'.repeat(64)}@${'b'.repeat(51)}.com`,
  ])('mail to %s can be delivered, so it is stored as it is', async (email) => {
    const { id } = await customers.create({ email });
    expect((await customers.rowOf(id)).email).toBe(email);
    expect((await user.get(`/customers?email=${encodeURIComponent(email.toUpperCase())}`)).body.data[0].id).toBe(id);
  });

  describe('a name', () => {
    const FIELDS = ['name', 'surname', 'company'];

    const INVISIBLE =
      '\t\u001b\u0085\u00a0\u00ad\u061c\u1160\u2003\u200b\u200c\u200d\u200f\u2028\u202e\u2069\u3000\u3164\ufe0f' +
      '\ufeff\uffa0\ufffc\ufffd\uffff\u{e0041}';

    it('must not contain an invisible character', async () => {
      for (const character of INVISIBLE) {
        const { status, body } = await user.post(
          '/customers',
          newCustomer(Object.fromEntries(FIELDS.map((field) => [field, `Ana${character}Cruz`]))),
        );
        const message = `Must be one line of visible text, but contains ${nameOf(character)}.`;
        const errors = FIELDS.map((field) => ({ pointer: `/${field}`, code: 'invalid_text', message }));
        expect([status, body.errors]).toEqual([400, errors]);
      }
    });

    it('must not contain one wherever a name is stored', async () => {
      const { id } = await customers.create();
      for (const name of ['\u202eAna', 'Ana\u202e', 'A\u202ena'])
        for (const answer of [
          await user.post('/customers', form(newCustomer({ name }))),
          await user.patch(`/customers/${id}`, { name }),
          await service.admin.post('/users', newUser({ name })),
          await service.admin.patch(`/users/${user.id}`, { name }),
          await user.patch('/me', { name }),
        ])
          expect(first(answer).slice(0, 3)).toEqual([400, '/name', 'invalid_text']);
    });

    it.each(['\u0301', '\u0301\u20dd', '\u200b', '\u00ad\u00ad', '\u3164', '\u2800', '\u3000', '\u200e\u200f'])(
      'must not consist only of invisible characters (%j)',
      async (name) => {
        for (const field of FIELDS)
          await customers.expectInvalid([`/${field}`], () => user.post('/customers', newCustomer({ [field]: name })));
      },
    );

    it.each([
      'O’Brien-Smith, Jr.',
      'Nguyễn Thị Ngân'.normalize('NFD'),
      'علی‌رضا محمد',
      'יוסף כהן',
      'क्‍ष ශ්‍රී',
      '渡邉\u{e0100} 太郎',
      '👩🏽‍❤️‍💋‍👨🏻 🏴󠁧󠁢󠁥󠁮󠁧󠁿 🏳️‍🌈 1️⃣',
    ])('may be %s, and comes back byte for byte', async (name) => {
      const { id } = await customers.create({ name, surname: name, company: name, notes: name });
      expect((await user.get(`/customers/${id}`)).body).toMatchObject({ name, surname: name, company: name });
      const { body } = await user.post('/customers', form(newCustomer({ name })));
      expect(body.name).toBe(name);
    });
  });

  describe('notes', () => {
    it('keep line breaks, tabs and what web pages contain, byte for byte', async () => {
      const notes = '\tFirst\u00a0line\nsecond\r\n\r\nDonau\u00addampf\u3000👩‍👩‍👧 علی‌رضا\u200f (fin) ';
      const { id } = await customers.create({ notes });
      expect((await user.get(`/customers/${id}`)).body.notes).toBe(notes);
    });

    it.each(['\b', '\u001b', '\u009f', '\u202e', '\u2066', '\ufffd', '\ufffe'])(
      'must not contain %j',
      async (character) => {
        const answer = await user.post('/customers', newCustomer({ notes: `a\n${character}b` }));
        const message = `Must not have control characters, but contains ${nameOf(character)}.`;
        expect(first(answer)).toEqual([400, '/notes', 'invalid_text', message]);
      },
    );
  });

  it.each([
    [' +34 600-123.456 ', '+34600123456'],
    ['+1 (202) 555/0123', '+12025550123'],
    ['\u202a+34\u00a0600\u3000123\u2011456\u202c', '+34600123456'],
    ['+44 (0)20 7946 0000', '+442079460000'],
    ['+39 (0)6 1234 5678', '+390612345678'],
  ])('the phone %j is stored as %s', async (phone, stored) => {
    const { id, ...created } = await customers.create({ phone });
    expect(created.phone).toBe(stored);
    expect((await user.patch(`/customers/${id}`, { phone })).body).toMatchObject({ phone: stored, version: 1 });
  });

  it.each(['600123456', '0034600123456', '+34 600 123 456 x7', '+34 (0)600 123 456', '+٣٤٦٠٠١٢٣٤٥٦'])(
    'the phone %j is refused',
    async (phone) => {
      await customers.expectInvalid(['/phone'], () => user.post('/customers', newCustomer({ phone })));
    },
  );
});
