import { resolve } from 'node:path';
import { Module } from '@nestjs/common';
import { Env } from '../config/env.js';
import { BucketStore } from './bucket-store.js';
import { DiskStore } from './disk-store.js';
import { ObjectStore } from './object-store.js';
import { PhotoAddresses } from './photo-addresses.js';
import { PhotoPipeline } from './photo-pipeline.js';
import { PhotosService } from './photos.service.js';

@Module({
  providers: [
    {
      provide: ObjectStore,
      inject: [Env],
      useFactory: (env: Env) => (env.GOOGLE_BUCKET ? new BucketStore(env) : new DiskStore(resolve(env.DATA_DIR))),
    },
    PhotoPipeline,
    PhotoAddresses,
    PhotosService,
  ],
  exports: [ObjectStore, PhotoAddresses, PhotosService],
})
export class StorageModule {}
