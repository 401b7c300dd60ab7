import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { type CommandResult, runCommand } from '../support/command.js';

/** Each command starts a process. */
jest.setTimeout(180_000);

describe('The commands that transfer customers', () => {
  const directory = mkdtempSync(join(tmpdir(), 'crm-cli-'));
  const env = { DATA_DIR: directory };
  const crm = (...args: string[]): Promise<CommandResult> => runCommand(directory, args, env);
  const file = (name: string): string => join(directory, name);
  const emails = async (): Promise<string[]> =>
    (await crm('export', '--format', 'ndjson', '--sort', 'id')).stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line).email);
  beforeAll(async () => {
    expect((await crm('migrate')).code).toBe(0);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it('need a user whom customers can name as their creator', async () => {
    expect(await crm('seed')).toMatchObject({ code: 2, stderr: expect.stringContaining('crm -- admin create') });
    expect((await crm('admin', 'create', 'carla@example.com', '--invite')).code).toBe(0);
  });

  it('fill an empty database with the same customers each time', async () => {
    expect(await crm('seed', '--customers', '30')).toEqual({
      code: 0,
      stdout: 'Created 30 invented customers.\n',
      stderr: '',
    });
    const first = await emails();
    expect(first).toHaveLength(30);
    expect(first.every((email) => /@([a-z]+\.)?example\.(com|net|org)$/.test(email))).toBe(true);
    expect(await crm('seed')).toMatchObject({ code: 2, stderr: expect.stringContaining('--force') });
    expect(await crm('seed', '--customers', '40', '--force')).toMatchObject({
      code: 0,
      stdout: 'Created 10 invented customers. 30 exist already.\n',
    });
    expect((await emails()).slice(0, 30)).toEqual(first);
    for (const wrong of ['0', 'x', '-1', '1e3', '9999999'])
      expect((await crm('seed', '--customers', wrong, '--force')).code).toBe(2);
  });

  it('import a file, and write refused rows to another that can be mended and imported', async () => {
    writeFileSync(
      file('in.csv'),
      'E-mail;Name;Surname;Phone;Age\nana@example.com;Ana;Cruz;600 123 456;7\nben;"=Ben";B;12;\n',
    );
    const dry = await crm('import', 'in.csv', '--country', 'ES', '--dry-run');
    expect(dry.stdout).toContain('Nothing was changed.');
    const result = await crm('import', 'in.csv', '--country', 'ES');
    expect(result).toEqual({
      code: 1,
      stdout:
        'Imported in.csv: 2 rows: 1 created, 0 updated, 0 skipped, 1 failed.\n' +
        'Refused rows, with the reason: in.csv.rejected.csv\n',
      stderr: 'Column ignored: Age\n',
    });
    const rejected = readFileSync(file('in.csv.rejected.csv'), 'utf8');
    expect(rejected).toMatch(/^\ufeffreason,E-mail,Name,Surname,Phone,Age\r\n"?Row 2: .*,ben,'=Ben,B,12,\r\n$/);
    writeFileSync(file('mended.csv'), rejected.replace(',ben,', ',ben@example.com,').replace(',12,', ',,'));
    expect(await crm('import', 'mended.csv')).toMatchObject({ code: 0, stdout: expect.stringContaining('1 created') });
    expect((await emails()).slice(-2)).toEqual(['ana@example.com', 'ben@example.com']);
    const again = await crm('import', 'mended.csv', '--on-conflict', 'fail');
    expect(again).toMatchObject({ code: 1, stdout: expect.stringContaining('1 failed') });
  });

  it('refuse wrong input and change nothing', async () => {
    const before = await emails();
    writeFileSync(file('latin1.csv'), Buffer.from('email;name;surname\nx@example.com;José;B\n', 'latin1'));
    writeFileSync(file('none.csv'), 'name;surname\nA;B\n');
    const refusals: Array<[RegExp, string[]]> = [
      [/no file missing\.csv/, ['import', 'missing.csv']],
      [/^encoding: The file is not text in utf-8/, ['import', 'latin1.csv']],
      [/^encoding: /, ['import', 'in.csv', '--encoding', 'klingon']],
      [/^country: /, ['import', 'in.csv', '--country', 'XX']],
      [/^onConflict: /, ['import', 'in.csv', '--on-conflict', 'merge']],
      [/^The first line must name the columns/, ['import', 'none.csv']],
      [/No user has the e-mail/, ['import', 'in.csv', '--as', 'nobody@example.com']],
      [/^sort: /, ['export', '--sort', 'photo']],
    ];
    for (const [message, args] of refusals)
      expect([args, await crm(...args)]).toEqual([
        args,
        { code: 2, stdout: '', stderr: expect.stringMatching(message) },
      ]);
    expect(await emails()).toEqual(before);
  });

  it('export to a file that is there only when it is complete', async () => {
    expect(await crm('export', 'out.csv')).toEqual({ code: 0, stdout: '', stderr: '' });
    const csv = readFileSync(file('out.csv'), 'utf8');
    expect(csv.match(/@example|@mail|@office/g)).toHaveLength((await emails()).length);
    expect((await crm('import', 'out.csv', '--on-conflict', 'update')).stdout).toMatch(
      /0 updated, \d+ skipped, 0 failed/,
    );
    expect((await crm('export', 'missing/out.csv')).code).toBe(1);
  });
});
