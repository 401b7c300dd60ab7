import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ListsModule } from '../lists/lists.module.js';
import { HistoryService } from '../history/history.service.js';
import { History } from '../history/history.entity.js';
import { Idempotency } from './idempotency.js';
import { IdempotencyRecord } from './idempotency-record.entity.js';
import { Transactions } from './transactions.js';
import { ResourceWriter } from './resource-writer.js';

@Module({
  imports: [ListsModule, TypeOrmModule.forFeature([History, IdempotencyRecord])],
  providers: [ResourceWriter, Idempotency, HistoryService, Transactions],
  exports: [ResourceWriter, Idempotency, HistoryService, Transactions],
})
export class WritesModule {}
