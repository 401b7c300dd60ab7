import type { ImportOptions } from '../client/src/index.js';
import { onEveryDatabase } from './support/databases.js';
import { importFile, importWith, NDJSON, refusedRows, sumsOf } from './support/imports.js';
import { refusalOf } from './support/refusals.js';
import { Rows } from './support/rows.js';
import { startService, type TestService, unique } from './support/service.js';

onEveryDatabase((kind) => {
  let service: TestService;
  const rows = new Rows(() => service);
  beforeAll(async () => {
    service = await startService(kind);
  });
  afterAll(() => service.close());

  const send = (file: string, query: Record<string, string> = {}, type?: string) =>
    importFile(service.admin, file, query, type);
  const customer = async (email: string): Promise<any> => {
    const [row] = await rows.query('SELECT * FROM customers WHERE live_email = ?', [email]);
    return row;
  };

  it('creates customers with history, and reports what it read and what it refused', async () => {
    const key = unique();
    const answer = await send(
      [
        'E-mail Address;First Name;Last Name;Mobile Phone;Home Phone;Company;Notes;Birthday;',
        `Ana-${key}@Example.com; Ana María ;de la Cruz;;+34 600 12 34 56;"Cruz; Hijos";"Line 1\r\nLine 2";1.1.1980;`,
        ';;;;;;;;',
        'no-address;Ben;Müller;12345;;;;;',
        `ben-${key}@example.com;Ben;;;;;;;`,
        `eve-${key}@example.com;Eve;Adams;;;a;b;c;;d`,
      ].join('\r\n'),
    );
    expect(answer.body[0]).toEqual({
      event: 'columns',
      used: {
        'E-mail Address': 'email',
        'First Name': 'name',
        'Last Name': 'surname',
        'Mobile Phone': 'phone',
        'Home Phone': 'phone',
        Company: 'company',
        Notes: 'notes',
      },
      ignored: ['Birthday'],
    });
    expect(refusedRows(answer)).toEqual([
      [3, '/email invalid_email, /phone invalid_phone'],
      [4, '/surname required'],
      [5, ' too_many_cells'],
    ]);
    expect(sumsOf(answer)).toEqual([5, 1, 0, 1, 3]);

    const row = await customer(`ana-${key}@example.com`);
    expect(row).toMatchObject({
      name: 'Ana María',
      surname: 'de la Cruz',
      phone: '+34600123456',
      company: 'Cruz; Hijos',
      notes: 'Line 1\r\nLine 2',
      created_by: 1,
      version: 1,
    });
    const [entry] = await rows.history(row.id);
    expect(entry).toMatchObject({ action: 'created', changed_by: 1 });
    expect(entry.request_id).toBe(answer.headers.get('x-request-id'));
  });

  it('skips, updates or reports rows whose e-mail is in use, also within the file', async () => {
    const [a, b] = [`a-${unique()}@example.com`, `b-${unique()}@example.com`];
    await rows.create({ email: a, name: 'Ana', surname: 'Old', phone: '+34600123456', notes: 'kept' });
    const file = `email,name,surname,notes\n${a},Ana,New,\n${b},Ben,One,\n${b},Ben,Two,\n`;

    const load = (options?: ImportOptions) => importWith(service.admin, file, options);
    const dry = await load({ onConflict: 'fail', dryRun: true });
    const failed = await load({ onConflict: 'fail' });
    expect(failed.refused).toEqual([
      [1, 'email_taken'],
      [3, 'email_taken'],
    ]);
    expect(failed.sums).toEqual([3, 1, 0, 0, 2]);
    expect(dry.events).toEqual(failed.events);

    expect((await load()).sums).toEqual([3, 0, 0, 3, 0]);
    expect((await customer(a)).version).toBe(1);

    expect((await load({ onConflict: 'update', dryRun: true })).sums).toEqual([3, 0, 2, 1, 0]);
    expect((await load({ onConflict: 'update' })).sums).toEqual([3, 0, 2, 1, 0]);
    expect(await customer(a)).toMatchObject({ surname: 'New', phone: '+34600123456', notes: 'kept', version: 2 });
    expect(await customer(b)).toMatchObject({ surname: 'Two', version: 2 });
    expect((await rows.history((await customer(a)).id)).map(({ action }) => action)).toEqual(['created', 'updated']);
  });

  it('updates by e-mail alone, and needs names only for a new customer', async () => {
    const [a, b] = [`a-${unique()}@example.com`, `b-${unique()}@example.com`];
    await rows.create({ email: a });
    const file = `email,phone\n${a},600123456\n${b},600123456\n`;
    const { refused } = await importWith(service.admin, file, { onConflict: 'update', country: 'es' });
    expect(refused).toEqual([[2, '/name required, /surname required']]);
    expect((await customer(a)).phone).toBe('+34600123456');
  });

  it('reads NDJSON: ignores what only the service sets, and refuses unknown members and other values', async () => {
    const email = `a-${unique()}@example.com`;
    const values = { id: 99, version: 7, photo: null, email, name: 'Ana', surname: 'Cruz', phone: null, notes: '' };
    const lines = [
      JSON.stringify(values),
      '',
      JSON.stringify({ ...values, email: `x${email}`, role: 'admin' }),
      '{"email":',
      '[1]',
      `{"email":"y${email}","name":"A","surname":"B","__proto__":{}}`,
      `{"email":"z${email}","name":"\\ud800","surname":"B","fullName":5}`,
      JSON.stringify({ ...values, email: 5 }),
    ];
    const answer = await send(lines.join('\n'), {}, NDJSON);
    expect(refusedRows(answer)).toEqual([
      [2, '/role unknown_member'],
      [3, ' not_an_object'],
      [4, ' not_an_object'],
      [5, '/__proto__ unknown_member'],
      [6, '/name invalid_text'],
      [7, '/email not_a_string'],
    ]);
    expect(sumsOf(answer)).toEqual([7, 1, 0, 0, 6]);
    expect(await customer(email)).toMatchObject({ version: 1, phone: null, notes: null });
  });

  it('takes the file of a form', async () => {
    const email = `a-${unique()}@example.com`;
    const form = new FormData();
    form.append('file', new Blob([`email\tname\tsurname\r${email}\tAna\tCruz`]), 'contacts.csv');
    expect(sumsOf(await importFile(service.admin, form))).toEqual([1, 1, 0, 0, 0]);
    form.append('note', 'x');
    expect((await importFile(service.admin, form)).body.errors[0].code).toBe('unknown_member');
    const wrong = new FormData();
    wrong.append('photo', new Blob(['email']), 'contacts.csv');
    expect((await importFile(service.admin, wrong)).body.errors[0].pointer).toBe('/photo');
  });

  it.each([
    ['a file without an e-mail column', 'name,surname\nA,B\n', {}, ' no_email_column'],
    ['an empty file', '', {}, ' no_email_column'],
    ['a workbook', 'PK\u0003\u0004zip', {}, ' not_text'],
    ['a file with NUL', 'email\0,name\n', {}, ' not_text'],
    ['an unknown encoding', 'email\n', { encoding: 'base64' }, 'encoding unknown_encoding'],
    ['an unknown country', 'email\n', { country: 'XX' }, 'country not_allowed'],
    ['a long delimiter', 'email\n', { delimiter: ',,' }, 'delimiter not_allowed'],
  ])('refuses %s before any event', async (_, file, query, expected) => {
    const { status, body } = await send(file, query);
    const [error] = body.errors;
    expect([status, `${error.pointer} ${error.code}`]).toEqual([400, expected]);
  });

  it('names the parameter `encoding` when the file is not UTF-8', async () => {
    const email = `a-${unique()}@example.com`;
    const file = Buffer.from(`email;name;surname\n${email};José;Núñez\n`, 'latin1');
    const { status, problem } = await refusalOf(importWith(service.admin, new Blob([file])));
    expect([status, problem.errors![0]!.pointer]).toEqual([400, 'encoding']);
    const { sums } = await importWith(service.admin, new Blob([file]), { encoding: 'Windows-1252' });
    expect(sums).toEqual([1, 1, 0, 0, 0]);
    expect((await customer(email)).surname).toBe('Núñez');
  });

  it('refuses compressed bodies, other media types and users', async () => {
    const headers = { 'content-type': 'text/csv', 'content-encoding': 'gzip' };
    expect((await service.admin.post('/customers/import', 'email', { headers })).status).toBe(415);
    expect((await send('email', {}, 'text/plain')).status).toBe(415);
    expect((await service.admin.post('/customers/import', {})).status).toBe(415);
    expect((await importFile(await service.user(), 'email')).status).toBe(403);
    expect((await importFile(service.anonymous, 'email')).status).toBe(401);
  });
});
