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
  storage_forbidden: 'grant roles/storage.objectUser on the bucket to that service account.',
  storage_bucket_missing: 'make the bucket, with uniform access, or correct GOOGLE_BUCKET.',
  storage_full: 'raise the quota of the bucket’s project.',
  storage_unavailable: 'see whether this machine reaches Google, and whether the credentials are still good.',
};
const DISK_FIX = 'give DATA_DIR to the user that the service runs as, and enough room.';

/** Does with an object of its own all that the service does with photos. */
export async function checkPhotos(env: Env, clock: Clock): Promise<string> {
  const where = env.GOOGLE_BUCKET
    ? `bucket ${env.GOOGLE_BUCKET} as ${identityOf(env)}`
    : 'the disk of this machine, in DATA_DIR';
  const store = openStore(env);
  // a key as photos have them: what is left of it after a crash, the sweep finds
  const key = newKey(randomBytes(16).toString('hex'));
  const [object] = objectsOf(key);
  const bytes = randomBytes(1024);
  const step = async <T>(name: string, work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      // what else it says is for the clients of the API
      const missing = error.code === 'storage_forbidden' ? `: ${error.detail}` : '';
      const mend = (env.GOOGLE_BUCKET && BUCKET_FIXES[error.code]) || DISK_FIX;
      throw new Finding(`${where}: ${name} failed, ${error.code}${missing}`, mend);
    }
  };
  await step('put', () => store.put(object, bytes, 'image/webp'));
  try {
    const read = await step('get', async () => store.read(object).then((stream) => stream && buffer(stream)));
    if (!read?.equals(bytes)) throw new Finding(`${where}: what is read is not what was put`, DISK_FIX);
    await step('list', () => refuseUnlessListed(store));
    const addresses = new PhotoAddresses(env, new Secrets(env), clock);
    if (addresses.isPublic) await refuseUnlessPublic(addresses.of(0, key, '').large);
    else refuseUnlessSigned(addresses, key);
  } finally {
    await step('delete', () => store.remove(object));
  }
  return `${where}: put, get, list, delete and ${env.PHOTO_DELIVERY === 'public' ? 'public reading' : 'sign'} work`;
}

async function refuseUnlessListed(store: ObjectStore): Promise<void> {
  // the first of them: a large bucket has many
  for await (const _ of store.list(PREFIX)) return;
  throw new Finding('what was put is not listed', BUCKET_FIXES.storage_forbidden!);
}

/** The service signs addresses itself: the bucket has no part in it, and needs to grant nothing for it. */
function refuseUnlessSigned(addresses: PhotoAddresses, key: string): void {
  const { pathname, searchParams } = new URL(addresses.of(1, key, 'http://localhost').large);
  const [expires, signature] = [Number(searchParams.get('expires')), searchParams.get('signature')!];
  if (addresses.verify({ id: 1, file: pathname.split('/').at(-1)!, expires, signature })?.key !== key)
    throw new Finding('an address that was signed is not good', 'see whether the clock of this machine is right.');
}

async function refuseUnlessPublic(address: string): Promise<void> {
  const answer = await fetch(address, { signal: AbortSignal.timeout(PUBLIC_MS), redirect: 'manual' }).catch(
    ({ message }: Error) => ({ status: message }),
  );
  if (answer.status !== 200)
    throw new Finding(
      `with PHOTO_DELIVERY=public everybody has to be able to read the bucket: ${answer.status}`,
      'grant roles/storage.legacyObjectReader on the bucket to allUsers, or set PHOTO_DELIVERY=signed.',
    );
}

/** Whom the bucket has to let in. The file also holds a private key, which is not looked at. */
function identityOf({ GOOGLE_APPLICATION_CREDENTIALS: file }: Env): string {
  if (!file) return 'the identity of this machine';
  const mend = 'download the key of a service account as JSON, or unset GOOGLE_APPLICATION_CREDENTIALS.';
  let credentials: { type?: unknown; client_email?: unknown };
  try {
    credentials = JSON.parse(readFileSync(file, 'utf8')) as typeof credentials;
  } catch {
    throw new Finding('the file of GOOGLE_APPLICATION_CREDENTIALS cannot be read, or is not JSON', mend);
  }
  if (typeof credentials.type !== 'string')
    throw new Finding('the file of GOOGLE_APPLICATION_CREDENTIALS is not a key of Google', mend);
  const { type, client_email: email } = credentials;
  return typeof email === 'string' ? email : type;
}
