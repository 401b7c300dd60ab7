import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Finding } from '../../src/cli/checks/check.js';
import { checkPhotos } from '../../src/cli/checks/photos.js';
import { checkFacebook, checkGoogle } from '../../src/cli/checks/providers.js';
import { checkPublicUrl } from '../../src/cli/checks/public-url.js';
import { Clock } from '../../src/config/clock.js';
import { readEnv } from '../../src/config/env.js';
import { BucketStandIn } from '../stand-ins/bucket.js';
import { DISCOVERY, GoogleStandIn } from '../stand-ins/google.js';
import { COMMAND, type CommandResult, runCommand } from '../support/command.js';
import { JWT_SECRET } from '../support/service.js';

describe('the doctor', () => {
  let bucket: BucketStandIn;
  let google: GoogleStandIn;
  let directory: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    Logger.overrideLogger(false);
    // loading it takes part of the time that the first operation has
    await import('@google-cloud/storage');
    [bucket, google] = await Promise.all([BucketStandIn.start(), GoogleStandIn.start()]);
    directory = mkdtempSync(join(tmpdir(), 'crm-cli-'));
    env = {
      DATA_DIR: directory,
      JWT_SECRET,
      PUBLIC_URL: 'https://crm.example.com',
      TRUSTED_PROXIES: 'loopback',
      FACEBOOK_CLIENT_ID: '1234567890',
      FACEBOOK_CLIENT_SECRET: 'zq-facebook',
      ...google.env,
      ...bucket.env,
    };
    await runCommand(directory, ['migrate'], env);
    await runCommand(directory, ['admin', 'create', 'carla@example.com', '--invite'], env);
  });
  beforeEach(() => {
    bucket.reset();
    google.faults = {};
  });
  afterAll(async () => {
    await Promise.all([bucket.close(), google.close()]);
    rmSync(directory, { recursive: true, force: true });
  });

  const doctor = (overrides: Record<string, string> = {}): Promise<CommandResult> =>
    runCommand(directory, ['doctor'], { ...env, ...overrides });

  it('checks everything that the service depends on, leaves nothing behind, and prints no secret', async () => {
    const { code, stdout, stderr } = await doctor({ NODE_ENV: 'production' });
    expect(stdout).not.toMatch(/FAILED/);
    expect(code).toBe(0);
    expect(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(/ +/, 2)),
    ).toEqual(
      ['configuration', 'database', 'migrations', 'admin', 'photos', 'google', 'facebook', 'address'].map((name) => [
        'ok',
        name,
      ]),
    );
    expect(stdout).toContain('https://crm.example.com/login/google/callback');
    expect(stdout).toContain(bucket.account.email);
    expect(stdout + stderr).not.toMatch(new RegExp(`zq|PRIVATE KEY|${JWT_SECRET}|${GoogleStandIn.clientSecret}`));
    expect(bucket.log.map(({ operation }) => operation)).toEqual(['put', 'get', 'list', 'delete']);
    expect(bucket.objects.size).toBe(0);
  });

  it('names the missing permission of the bucket and every other problem', async () => {
    bucket.fail('put', { status: 403 });
    google.faults = { [DISCOVERY]: 'sends rubbish' };
    const { code, stdout, stderr } = await doctor({
      DATABASE_URI: 'mysql://crm:zq-password@127.0.0.1:1/crm',
      FACEBOOK_CLIENT_ID: 'crm',
      TRUSTED_PROXIES: '',
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAILED +database .*ECONNREFUSED.*\n +Fix: .*\n- +migrations .*\n- +admin /);
    expect(stdout).toMatch(/FAILED +photos .*storage\.objects\.create.*\n +Fix: .*roles\/storage\.objectUser/);
    expect(stdout).toMatch(/FAILED +google .*GOOGLE_DISCOVERY_URL.*\n +Fix: /);
    expect(stdout).toMatch(/FAILED +facebook .*digits.*\n +Fix: /);
    expect(stdout).toMatch(/FAILED +address .*TRUSTED_PROXIES.*\n +Fix: /);
    expect(stdout + stderr).not.toContain('zq');
  });

  it.each([
    [
      'a bucket that does not exist',
      { GOOGLE_BUCKET: 'another-bucket' },
      /storage_bucket_missing/,
      /Create the bucket/,
    ],
    ['an invalid credentials file', { GOOGLE_APPLICATION_CREDENTIALS: COMMAND }, /not JSON/, /service account/],
    ['public photos in a private bucket', { PHOTO_DELIVERY: 'public' }, /PHOTO_DELIVERY=public.* 403/, /allUsers/],
  ])('reports %s', async (_, overrides, message, fix) => {
    const finding = checkPhotos(readEnv({ ...env, ...overrides }), new Clock()).catch((error: unknown) => error);
    expect(await finding).toMatchObject({
      message: expect.stringMatching(message),
      fix: expect.stringMatching(fix),
    });
    expect(bucket.objects.size).toBe(0);
  });

  it.each<[string, Record<string, string>, RegExp, RegExp]>([
    [
      'a disk',
      { GOOGLE_BUCKET: '', DATA_DIR: '/sys' },
      /^local disk in DATA_DIR: put failed/,
      /^Make DATA_DIR writable/,
    ],
    ['another server', {}, /put failed with storage_unavailable/, /^Start the server in GOOGLE_STORAGE_ENDPOINT/],
  ])('gives only advice that fits %s that fails', async (_, overrides, message, fix) => {
    bucket.fail('put', { status: 503 });
    const finding = (await checkPhotos(readEnv({ ...env, ...overrides }), new Clock()).catch(
      (error: unknown) => error,
    )) as Finding;
    expect(finding).toMatchObject({ message: expect.stringMatching(message), fix: expect.stringMatching(fix) });
    if (overrides.DATA_DIR) expect(finding.message + finding.fix).not.toMatch(/Google|bucket|storage\.objects|roles\//);
  });

  it.each<[string, Record<string, string>, RegExp, RegExp]>([
    ['Google’s own URL', { GOOGLE_DISCOVERY_URL: '' }, /GOOGLE_DISCOVERY_URL/, /^Allow this machine to reach accounts/],
    ['another URL', {}, /GOOGLE_DISCOVERY_URL/, /^Correct it, or unset it/],
  ])('gives only advice that fits %s that is unreachable', async (_, overrides, message, fix) => {
    const offline = jest.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('fetch failed'));
    const finding = checkGoogle(readEnv({ ...env, ...overrides }), new Clock());
    await expect(finding).rejects.toMatchObject({
      message: expect.stringMatching(message),
      fix: expect.stringMatching(fix),
    });
    offline.mockRestore();
  });

  it('names the variables of providers that are not configured, and of wrong URLs', async () => {
    const none = { GOOGLE_CLIENT_ID: '', GOOGLE_CLIENT_SECRET: '', FACEBOOK_CLIENT_ID: '', FACEBOOK_CLIENT_SECRET: '' };
    const unset = readEnv({ ...env, ...none });
    await expect(checkGoogle(unset, new Clock())).rejects.toThrow(/not configured: GOOGLE_CLIENT_ID/);
    expect(() => checkFacebook(unset)).toThrow(/not configured: FACEBOOK_CLIENT_ID/);
    const version = { FACEBOOK_AUTHORIZE_URL: 'https://www.facebook.com/v1.0/dialog/oauth' };
    expect(() => checkFacebook(readEnv({ ...env, ...version }))).toThrow(/different API versions: v1\.0, v\d/);
    const plain = { NODE_ENV: 'production', FACEBOOK_USER_INFO_URL: 'http://127.0.0.1:1/v1.0/me' };
    expect(() => checkFacebook(readEnv({ ...env, ...plain }))).toThrow(/^not HTTPS: FACEBOOK_USER_INFO_URL$/);
  });

  it.each([
    ['a missing one in production', {}, /not set/],
    ['one without TLS', { PUBLIC_URL: 'http://crm.example.com' }, /unencrypted/],
    ['a local one', { PUBLIC_URL: 'https://127.0.0.1:5000' }, /other machines cannot reach/],
    ['one behind a proxy that is not trusted', { PUBLIC_URL: 'https://crm.example.com' }, /TRUSTED_PROXIES is empty/],
  ])('reports as PUBLIC_URL %s', (_, variables, message) => {
    expect(() => checkPublicUrl(readEnv({ NODE_ENV: 'production', ...variables }), new Clock())).toThrow(message);
  });
});
