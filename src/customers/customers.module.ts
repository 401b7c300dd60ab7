import { Module } from '@nestjs/common';
import { ListsModule } from '../lists/lists.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { WritesModule } from '../writes/writes.module.js';
import { CustomerPhotosService } from './customer-photos.service.js';
import { CustomersController } from './customers.controller.js';
import { CustomersService } from './customers.service.js';
import { PhotoSweep } from './photo-sweep.js';
import { PhotosController } from './photos.controller.js';

@Module({
  imports: [WritesModule, ListsModule, StorageModule],
  controllers: [CustomersController, PhotosController],
  providers: [CustomersService, CustomerPhotosService, PhotoSweep],
  exports: [PhotoSweep],
})
export class CustomersModule {}
