import { Module } from '@nestjs/common';
import { Env } from '../config/env.js';
import { ObjectStore } from './object-store.js';
import { openStore } from './open-store.js';
import { PhotoAddresses } from '../photos/photo-addresses.js';
import { PhotoPipeline } from '../photos/photo-pipeline.js';
import { PhotosService } from '../photos/photos.service.js';

@Module({
  providers: [
    { provide: ObjectStore, inject: [Env], useFactory: openStore },
    PhotoPipeline,
    PhotoAddresses,
    PhotosService,
  ],
  exports: [ObjectStore, PhotoAddresses, PhotosService],
})
export class StorageModule {}
