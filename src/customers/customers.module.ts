import { Module } from '@nestjs/common';
import { HistoryModule } from '../history/history.module.js';
import { ListsModule } from '../lists/lists.module.js';
import { PhotosModule } from '../photos/photos.module.js';
import { SearchModule } from '../search/search.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { WritesModule } from '../writes/writes.module.js';
import { CustomerMapper } from './customer.mapper.js';
import { CustomerPhotosService } from './customer-photos.service.js';
import { CustomerVersionsService } from './customer-versions.service.js';
import { CustomersController } from './customers.controller.js';
import { CustomersService } from './customers.service.js';
import { PhotoSweep } from './photo-sweep.js';
import { PhotosController } from './photos.controller.js';
import { VersionsController } from './versions.controller.js';

@Module({
  imports: [WritesModule, HistoryModule, ListsModule, SearchModule, PhotosModule, StorageModule],
  controllers: [CustomersController, PhotosController, VersionsController],
  providers: [CustomersService, CustomerPhotosService, CustomerVersionsService, CustomerMapper, PhotoSweep],
  exports: [CustomersService, CustomerMapper, PhotoSweep],
})
export class CustomersModule {}
