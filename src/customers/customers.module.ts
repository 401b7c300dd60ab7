import { Module } from '@nestjs/common';
import { HistoryModule } from '../history/history.module.js';
import { ListsModule } from '../lists/lists.module.js';
import { PhotosModule } from '../photos/photos.module.js';
import { SearchModule } from '../search/search.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { WritesModule } from '../writes/writes.module.js';
import { CustomerMapper } from './customer.mapper.js';
import { CustomerBatches } from './customer-batches.js';
import { CustomerDuplicatesService } from './customer-duplicates.service.js';
import { CustomerErasureController } from './customer-erasure.controller.js';
import { CustomerErasureService } from './customer-erasure.service.js';
import { CustomerMergeController } from './customer-merge.controller.js';
import { CustomerMergeService } from './customer-merge.service.js';
import { CustomerPhotosService } from './customer-photos.service.js';
import { CustomerRestoreService } from './customer-restore.service.js';
import { CustomerVersionsService } from './customer-versions.service.js';
import { CustomersController } from './customers.controller.js';
import { CustomersService } from './customers.service.js';
import { FillErasure } from './fill-erasure.js';
import { MergeRecords } from './merge-records.js';
import { PersonalDataService } from './personal-data.service.js';
import { PhotoSweep } from './photo-sweep.js';
import { PhotosController } from './photos.controller.js';
import { VersionsController } from './versions.controller.js';

@Module({
  imports: [WritesModule, HistoryModule, ListsModule, SearchModule, PhotosModule, StorageModule],
  controllers: [
    CustomersController,
    PhotosController,
    VersionsController,
    CustomerMergeController,
    CustomerErasureController,
  ],
  providers: [
    CustomersService,
    CustomerBatches,
    CustomerPhotosService,
    CustomerVersionsService,
    CustomerDuplicatesService,
    CustomerMergeService,
    CustomerRestoreService,
    CustomerErasureService,
    PersonalDataService,
    MergeRecords,
    FillErasure,
    CustomerMapper,
    PhotoSweep,
  ],
  exports: [CustomersService, CustomerBatches, CustomerMapper, PhotoSweep],
})
export class CustomersModule {}
