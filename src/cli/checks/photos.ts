import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import type { Clock } from '../../config/clock.js';
import type { Env } from '../../config/env.js';
import { Secrets } from '../../config/secrets.js';
import { PhotoAddresses } from '../../photos/photo-addresses.js';
import { newKey, objectsOf, PREFIX } from '../../photos/photo-keys.js';
import { Problem } from '../../problems/problem.js';
import type { ObjectStore } from '../../storage/object-store.js';
import { openStore } from '../../storage/open-store.js';
import { Finding } from './check.js';

const PUBLIC_MS = 4_000;

const BUCKET_FIXES: Record<string, string> = {
  storage_forbidden: 'Grant roles/storage.objectUser on the bucket to that service account.',
  storage_bucket_missing: 'Create the bucket with uniform access, or correct GOOGLE_BUCKET.',
  storage_full: 'Raise the quota of the bucket’s project.',
  storage_unavailable: 'Check that this machine reaches Google and that the credentials are still valid.',
};
const ENDPOINT_FIX =
  'Start the server in GOOGLE_STORAGE_ENDPOINT, correct that address, or unset it to use Google’s own.';
const BUCKET_FIX = 'Check the bucket in the console of its provider.';
const DISK_FIX = 'Make DATA_DIR writable for the user that runs the service, and free disk space.';

/** Runs every operation that photos need, on an object of its own. */
export async function checkPhotos(env: Env, clock: Clock): Promise<string> {
  const where = env.GOOGLE_BUCKET ? `bucket ${env.GOOGLE_BUCKET} as ${identityOf(env)}` : 'local disk in DATA_DIR';
  const store = openStore(env);
  // a key like those of photos, so that the sweep removes the object after a crash
  const key = newKey(randomBytes(16).toString('hex'));
  const [object] = objectsOf(key);
  const bytes = randomBytes(1024);
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // other details are meant for clients of the API
      const missing = env.GOOGLE_BUCKET && error.code === 'storage_forbidden' ? `: ${error.detail}` : '';
      const fix = env.GOOGLE_BUCKET ? bucketFix(error.code, env) : DISK_FIX;
      throw new Finding(`${where}: ${name} failed with ${error.code}${missing}`, fix);
    }
  };
  await step('put', () => store.put(object, bytes, 'image/webp'));
  try {
    const read = await step('get', async () => store.read(object).then((stream) => stream && buffer(stream)));
    if (!read?.equals(bytes))
      throw new Finding(
        `${where}: get returned other bytes than put stored`,
        env.GOOGLE_BUCKET ? BUCKET_FIX : DISK_FIX,
      );
    await step('list', () => expectListed(store, env.GOOGLE_BUCKET ? BUCKET_FIXES.storage_forbidden! : DISK_FIX));
    const addresses = new PhotoAddresses(env, new Secrets(env), clock);
    if (addresses.isPublic) await expectPublic(addresses.of(0, key, '').large);
    else expectSignable(addresses, key);
  } finally {
    await step('delete', () => store.remove(object));
  }
  return `${where}: put, get, list, delete and ${env.PHOTO_DELIVERY === 'public' ? 'public reads' : 'signing'} work`;
}

const bucketFix = (code: string, { GOOGLE_STORAGE_ENDPOINT }: Env): string =>
  code === 'storage_unavailable' && GOOGLE_STORAGE_ENDPOINT ? ENDPOINT_FIX : (BUCKET_FIXES[code] ?? BUCKET_FIX);

async function expectListed(store: ObjectStore, fix: string): Promise<void> {
  // one is enough: a large bucket has many objects
  for await (const _ of store.list(PREFIX)) return;
  throw new Finding('list does not include the stored object', fix);
}

/** The service signs photo URLs itself, so the bucket needs no permission for it. */
function expectSignable(addresses: PhotoAddresses, key: string): void {
  const { pathname, searchParams } = new URL(addresses.of(1, key, 'http://localhost').large);
  const [expires, signature] = [Number(searchParams.get('expires')), searchParams.get('signature')!];
  if (addresses.verify({ id: 1, file: pathname.split('/').at(-1)!, expires, signature })?.key !== key)
    throw new Finding('a URL that was just signed does not verify', 'Check the clock of this machine.');
}

async function expectPublic(address: string): Promise<void> {
  const response = await fetch(address, { signal: AbortSignal.timeout(PUBLIC_MS), redirect: 'manual' }).catch(
    ({ message }: Error) => ({ status: message }),
  );
  if (response.status !== 200)
    throw new Finding(
      `PHOTO_DELIVERY=public requires a publicly readable bucket, but reading returned ${response.status}`,
      'Grant roles/storage.legacyObjectReader on the bucket to allUsers, or set PHOTO_DELIVERY=signed.',
    );
}

/** Returns the account that needs access to the bucket. Does not use the private key in the file. */
function identityOf({ GOOGLE_APPLICATION_CREDENTIALS: file }: Env): string {
  if (!file) return 'the identity of this machine';
  const fix = 'Download the key of a service account as JSON, or unset GOOGLE_APPLICATION_CREDENTIALS.';
  let credentials: { type?: unknown; client_email?: unknown };
  try {
    credentials = JSON.parse(readFileSync(file, 'utf8')) as typeof credentials;
  } catch {
    throw new Finding('the file in GOOGLE_APPLICATION_CREDENTIALS cannot be read or is not JSON', fix);
  }
  if (typeof credentials.type !== 'string')
    throw new Finding('the file in GOOGLE_APPLICATION_CREDENTIALS is not a Google credentials file', fix);
  const { type, client_email: email } = credentials;
  return typeof email === 'string' ? email : type;
}
