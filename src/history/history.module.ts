import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ListsModule } from '../lists/lists.module.js';
import { History } from './history.entity.js';
import { HistoryService } from './history.service.js';
import { HistorySequence } from './history-sequence.js';

@Module({
  imports: [ListsModule, TypeOrmModule.forFeature([History])],
  providers: [HistoryService, HistorySequence],
  exports: [HistoryService, HistorySequence],
})
export class HistoryModule {}
