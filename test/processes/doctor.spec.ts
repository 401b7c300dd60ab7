import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Logger } from '@nestjs/common';
import { checkPhotos } from '../../src/cli/checks/photos.js';
import { checkPublicUrl } from '../../src/cli/checks/public-url.js';
import { Clock } from '../../src/config/clock.js';
import { readEnv } from '../../src/config/env.js';
import { BucketStandIn } from '../stand-ins/bucket.js';
import { DISCOVERY, GoogleStandIn } from '../stand-ins/google.js';
import { COMMAND, type Outcome, run } from '../support/command.js';
import { JWT_SECRET } from '../support/service.js';

describe('the doctor', () => {
  let bucket: BucketStandIn;
  let google: GoogleStandIn;
  let directory: string;
  let env: Record<string, string>;
  beforeAll(async () => {
    Logger.overrideLogger(false);
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
    await run(directory, ['migrate'], env);
    await run(directory, ['admin', 'create', 'carla@example.com', '--invite'], env);
  });
  beforeEach(() => {
    bucket.reset();
    google.faults = {};
  });
  afterAll(async () => {
    await Promise.all([bucket.close(), google.close()]);
    rmSync(directory, { recursive: true, force: true });
  });

  const doctor = (overrides: Record<string, string> = {}): Promise<Outcome> =>
    run(directory, ['doctor'], { ...env, ...overrides });

  it('looks at all that the service needs, leaves nothing behind, and shows no secret', async () => {
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

  it('names the permission that the bucket wants, and what else is wrong', async () => {
    bucket.fail('put', { status: 403 });
    google.faults = { [DISCOVERY]: 'sends rubbish' };
    const { code, stdout, stderr } = await doctor({
      DATABASE_URI: 'mysql://crm:zq-password@127.0.0.1:1/crm',
      FACEBOOK_CLIENT_ID: 'crm',
      TRUSTED_PROXIES: '',
    });
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAILED +database .*ECONNREFUSED.*\n +To mend it: .*\n- +migrations .*\n- +admin /);
    expect(stdout).toMatch(/FAILED +photos .*storage\.objects\.create.*\n +To mend it: .*roles\/storage\.objectUser/);
    expect(stdout).toMatch(/FAILED +google .*GOOGLE_DISCOVERY_URL.*\n +To mend it: /);
    expect(stdout).toMatch(/FAILED +facebook .*digits.*\n +To mend it: /);
    expect(stdout).toMatch(/FAILED +address .*TRUSTED_PROXIES.*\n +To mend it: /);
    expect(stdout + stderr).not.toContain('zq');
  });

  it.each([
    ['a bucket that does not exist', { GOOGLE_BUCKET: 'another-bucket' }, /storage_bucket_missing/, /make the bucket/],
    ['credentials that are none', { GOOGLE_APPLICATION_CREDENTIALS: COMMAND }, /not JSON/, /service account/],
    ['public photos that are not', { PHOTO_DELIVERY: 'public' }, /PHOTO_DELIVERY=public.* 403/, /allUsers/],
  ])('recognizes %s', async (_, overrides, message, mend) => {
    const finding = checkPhotos(readEnv({ ...env, ...overrides }), new Clock()).catch((error: unknown) => error);
    expect(await finding).toMatchObject({
      message: expect.stringMatching(message),
      mend: expect.stringMatching(mend),
    });
    expect(bucket.objects.size).toBe(0);
  });

  it.each([
    ['none in production', {}, /not set/],
    ['one without TLS', { PUBLIC_URL: 'http://crm.example.com' }, /in the clear/],
    ['one of this machine', { PUBLIC_URL: 'https://127.0.0.1:5000' }, /no address for others/],
    ['a proxy that is not trusted', { PUBLIC_URL: 'https://crm.example.com' }, /TRUSTED_PROXIES names none/],
  ])('recognizes as PUBLIC_URL %s', (_, variables, message) => {
    expect(() => checkPublicUrl(readEnv({ NODE_ENV: 'production', ...variables }), new Clock())).toThrow(message);
  });
});
