import iconv from 'iconv-lite';
import { importFile, NDJSON, refusedRows, sumsOf } from '../support/imports.js';
import { Rows } from '../support/rows.js';
import { startService, type TestService, unique } from '../support/service.js';

describe('A file', () => {
  let service: TestService;
  const rows = new Rows(() => service);
  beforeAll(async () => {
    service = await startService('SQLite');
  });
  afterAll(() => service.close());

  const send = (file: string | Uint8Array, query: Record<string, string> = {}, type?: string) =>
    importFile(service.admin, file, query, type);
  const stored = async (email: string): Promise<unknown[] | undefined> => {
    const [row] = await rows.query('SELECT * FROM customers WHERE live_email = ?', [email]);
    return row && [row.name, row.surname, row.phone, row.company, row.notes];
  };

  it.each([
    ['utf-8', 'utf-8', false],
    ['UTF-8', 'utf-8', true],
    [undefined, 'utf-8', true],
    [undefined, 'utf-16le', true],
    [undefined, 'utf-16be', true],
    [undefined, 'utf-16le', false],
    [undefined, 'utf-16be', false],
    ['UTF-16', 'utf-16be', true],
    ['cp1250', 'windows-1250', false],
    ['Windows-1252', 'windows-1252', false],
    ['latin1', 'windows-1252', false],
    ['ISO-8859-2', 'iso-8859-2', false],
    ['macintosh', 'macintosh', false],
  ])('in %s (%s, byte order mark: %s) is read', async (encoding, codec, hasMark) => {
    const email = `c-${unique()}@example.com`;
    const file = iconv.encode(`email;name;surname\r\n${email};Jürgen;Weiß\r\n`, codec, { addBOM: hasMark });
    expect(sumsOf(await send(file, encoding ? { encoding } : {}))).toEqual([1, 1, 0, 0, 0]);
    expect(await stored(email)).toEqual(['Jürgen', 'Weiß', null, null, null]);
  });

  it.each([
    ['shift_jis', 'Shift_JIS', '花子', '山田'],
    ['gbk', 'GB2312', '小明', '王'],
    ['windows-1251', 'cp1251', 'Олена', 'Шевчук'],
    ['euc-kr', 'cp949', '서연', '김'],
  ])('in %s is read', async (codec, encoding, name, surname) => {
    const email = `c-${unique()}@example.com`;
    const file = iconv.encode(`email;name;surname\r\n${email};${name};${surname}\r\n`, codec);
    expect(sumsOf(await send(file, { encoding }))).toEqual([1, 1, 0, 0, 0]);
    expect((await stored(email))?.slice(0, 2)).toEqual([name, surname]);
  });

  it('in Windows-1252 whose first such letter comes late aborts, and keeps what was written', async () => {
    const key = unique();
    const lines = Array.from({ length: 3000 }, (_, index) => `c${index}-${key}@example.com,Ana,Cruz,${'x'.repeat(30)}`);
    const file = Buffer.from(
      `email,name,surname,notes\n${lines.join('\n')}\nlast-${key}@example.com,José,B,\n`,
      'latin1',
    );
    const { status, body } = await send(file);
    expect([status, body.at(-1).event, body.at(-1).problem.errors[0].pointer]).toEqual([200, 'aborted', 'encoding']);
    const { created } = body.at(-2);
    expect(await rows.count('customers WHERE email LIKE ?', [`c%-${key}@example.com`])).toBe(created);
    expect(sumsOf(await send(file, { encoding: 'windows-1252' }))).toEqual([3001, 3001 - created, 0, created, 0]);
  });

  it.each([
    [
      'Google Contacts',
      'Given Name,Family Name,E-mail 1 - Value,Phone 1 - Value,Phone 2 - Value,Organization Name,Notes',
    ],
    [
      'Google Contacts of old',
      'Given Name,Family Name,E-mail 1 - Value,Phone 1 - Value,Phone 2 - Value,Organization 1 - Name,Notes',
    ],
    ['Outlook', 'First Name,Last Name,E-mail Address,Business Phone,Mobile Phone,Company,Notes'],
    ['HubSpot', 'First Name,Last Name,Email,Phone Number,Mobile Phone Number,Company Name,NOTES'],
    ['a person', '" first name ",LAST_NAME,e-mail,Phone,Mobile,company,notes'],
  ])('of %s is understood', async (_, header) => {
    const email = `c-${unique()}@example.com`;
    const answer = await send(`${header}\n"Ana","de la Cruz",${email},,+34 600 123 456,"Cruz ""&"" Hijos",x\n`);
    expect(answer.body[0].ignored).toEqual([]);
    expect(await stored(email)).toEqual(['Ana', 'de la Cruz', '+34600123456', 'Cruz "&" Hijos', 'x']);
  });

  it.each([
    ['Name,Email', 'Ana María de la Cruz', 'Ana María', 'de la Cruz'],
    ['Name,Email', '"de la Cruz, Ana"', 'Ana', 'de la Cruz'],
    ['Name,Email,Given Name,Family Name', 'Ana Cruz', 'Ana', 'Cruz'],
  ])('with the columns %s and the name %s has name and surname', async (header, full, name, surname) => {
    const email = `c-${unique()}@example.com`;
    expect(sumsOf(await send(`${header}\n${full},${email}\n`))).toEqual([1, 1, 0, 0, 0]);
    expect((await stored(email))?.slice(0, 2)).toEqual([name, surname]);
  });

  it.each([
    ['a line for Excel', 'sep=;\r\nemail;name;surname\r\n@;A,1;B\r\n'],
    ['a line for Excel and a blank one', '"sep=|"\n\nemail|name|surname\n@|A,1|B'],
    ['tabs', 'email\tname\tsurname\n@\tA,1\tB\n'],
    ['commas in other columns', 'email;name;surname;"a,b,c,d,e"\n@;A,1;B;\n'],
    ['line breaks of old Macs', 'email;name;surname\r@;A,1;B\r'],
    ['mixed line breaks', 'email;name;surname\r\n\n@;A,1;B\r\r\n'],
    ['quotes everywhere', '"email","name","surname"\n"@","A,1","B"\n'],
    ['empty columns at the end', 'email;name;surname;;;\n@;A,1;B;;;;;\n'],
    ['a repeated column', 'email;email;name;surname\n;@;A,1;B\n'],
    ['blank lines before the header', '\n \nemail;name;surname\n@;A,1;B\n'],
  ])('with %s is read', async (_, file) => {
    const email = `c-${unique()}@example.com`;
    expect(sumsOf(await send(file.replace('@', email)))).toEqual([1, 1, 0, 0, 0]);
    expect(await stored(email)).toEqual(['A,1', 'B', null, null, null]);
  });

  it('keeps quotes within a cell, and restores cells that a spreadsheet defused', async () => {
    const email = `c-${unique()}@example.com`;
    const file = `email,name,surname,phone,notes\n${email},"Bob" B,5" pipe,'+34600123456,'=1\n`;
    expect(sumsOf(await send(file))).toEqual([1, 1, 0, 0, 0]);
    expect(await stored(email)).toEqual(['"Bob" B', '5" pipe', '+34600123456', null, '=1']);
  });

  it.each(['text/csv', NDJSON])('in %s loses no other row to one of 64 KiB, and aborts beyond 1 MiB', async (type) => {
    const emails = Array.from({ length: 4 }, () => `c-${unique()}@example.com`);
    const line = (email: string, notes: string): string =>
      type === NDJSON ? JSON.stringify({ email, name: 'A', surname: 'B', notes }) : `${email},A,B,"${notes}"`;
    const header = type === NDJSON ? [] : ['email,name,surname,notes'];
    const [a, b, c, d] = emails as [string, string, string, string];
    const file = [...header, line(a, 'x'), line(b, 'x'.repeat(70_000)), line(c, 'x'), line(d, 'x'.repeat(1_100_000))];
    const answer = await send(`${file.join('\n')}\n`, {}, type);
    expect(refusedRows(answer)).toEqual([[2, ' too_long']]);
    expect(answer.body.at(-1)).toMatchObject({ event: 'aborted', problem: { code: 'malformed_request' } });
    expect(answer.body.at(-2)).toMatchObject({ event: 'progress', rows: 3, created: 2, failed: 1 });
  });

  it('with a quote that does not end aborts and names the row', async () => {
    const answer = await send(
      `email,name,surname\na-${unique()}@example.com,A,B\nb@example.com,"A,B\nc@example.com,A,B\n`,
    );
    expect(answer.body.at(-1).problem.detail).toMatch(/^Row 2: A quoted cell/);
    expect(answer.body.at(-2)).toMatchObject({ event: 'progress', rows: 1, created: 1 });
  });

  it.each([
    ['a PDF', Buffer.from('%PDF-1.7\n')],
    ['gzip', Buffer.from([0x1f, 0x8b, 8, 0])],
    ['an old workbook', Buffer.from([0xd0, 0xcf, 0x11, 0xe0, 0xa1])],
    ['an image', Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13])],
    ['only a byte order mark', Buffer.from([0xef, 0xbb, 0xbf])],
    ['a header without end', Buffer.from(`email,"${'x'.repeat(70_000)}`)],
  ])('that is %s is refused', async (_, file) => {
    const { status, body } = await send(file);
    expect([status, body.code]).toEqual([400, 'invalid_request']);
  });

  it('refuses control characters in single rows', async () => {
    const filler = `${'x'.repeat(40)}@example.com,,\n`.repeat(5000);
    const answer = await send(`email,name,surname\n${filler}a\0@example.com,A,B\na@example.com,A\u0007,B\n`);
    expect(refusedRows(answer).slice(-2)).toEqual([
      [5001, '/email invalid_text'],
      [5002, '/name invalid_text'],
    ]);
  });

  it('previews repeated e-mails as they would be written', async () => {
    const [a, b] = [`a-${unique()}@example.com`, `b-${unique()}@example.com`];
    await rows.create({ email: a, notes: 'old' });
    const file = [
      'email,name,surname,notes',
      ...[`${a},A,B,new`, `${b},A,B,`, `${b},A,B,`, `${b},A,C,`, `${a},A,B,new`, `bad,A,B,`, `${b},,,x`],
    ].join('\n');
    for (const onConflict of ['update', 'skip', 'fail']) {
      const dry = await send(file, { onConflict, dryRun: 'true' });
      expect(await stored(b)).toBeUndefined();
      const real = await send(file, { onConflict });
      expect(dry.body).toEqual(real.body);
      await rows.query('DELETE FROM customers WHERE email = ?', [b]);
      await rows.query(`UPDATE customers SET notes = 'old', name = 'X' WHERE email = ?`, [a]);
    }
  });
});
