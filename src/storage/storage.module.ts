import { Module } from '@nestjs/common';
import { Env } from '../config/env.js';
import { ObjectStore } from './object-store.js';
import { openStore } from './open-store.js';

@Module({
  providers: [{ provide: ObjectStore, inject: [Env], useFactory: openStore }],
  exports: [ObjectStore],
})
export class StorageModule {}
