import { Module } from '@nestjs/common';
import { ListsModule } from '../lists/lists.module.js';
import { StorageModule } from '../storage/storage.module.js';
import { WritesModule } from '../writes/writes.module.js';
import { CustomersController } from './customers.controller.js';
import { CustomersService } from './customers.service.js';

@Module({
  imports: [WritesModule, ListsModule, StorageModule],
  controllers: [CustomersController],
  providers: [CustomersService],
})
export class CustomersModule {}
