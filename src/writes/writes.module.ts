import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { HistoryModule } from '../history/history.module.js';
import { Idempotency } from './idempotency.js';
import { IdempotencyRecord } from './idempotency-record.entity.js';
import { ResourceWriter } from './resource-writer.js';
import { Transactions } from './transactions.js';

@Module({
  imports: [HistoryModule, TypeOrmModule.forFeature([IdempotencyRecord])],
  providers: [ResourceWriter, Idempotency, Transactions],
  exports: [ResourceWriter, Idempotency, Transactions],
})
export class WritesModule {}
