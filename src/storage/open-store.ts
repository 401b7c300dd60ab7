import { resolve } from 'node:path';
import type { Env } from '../config/env.js';
import { BucketStore } from './bucket-store.js';
import { DiskStore } from './disk-store.js';
import type { ObjectStore } from './object-store.js';

export const openStore = (env: Env): ObjectStore =>
  env.GOOGLE_BUCKET ? new BucketStore(env) : new DiskStore(resolve(env.DATA_DIR));
