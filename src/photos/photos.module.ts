import { Module } from '@nestjs/common';
import { StorageModule } from '../storage/storage.module.js';
import { PhotoAddresses } from './photo-addresses.js';
import { PhotoPipeline } from './photo-pipeline.js';
import { PhotoWorkers } from './photo-workers.js';
import { PhotosService } from './photos.service.js';

@Module({
  imports: [StorageModule],
  providers: [PhotoPipeline, PhotoWorkers, PhotoAddresses, PhotosService],
  exports: [PhotoAddresses, PhotosService],
})
export class PhotosModule {}
