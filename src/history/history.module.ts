import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { ListsModule } from '../lists/lists.module.js';
import { History } from './history.entity.js';
import { HistoryService } from './history.service.js';
import { HistoryFeed } from './history-feed.js';
import { HistorySequence } from './history-sequence.js';

@Module({
  imports: [ListsModule, TypeOrmModule.forFeature([History])],
  providers: [HistoryService, HistorySequence, HistoryFeed],
  exports: [HistoryService, HistorySequence, HistoryFeed],
})
export class HistoryModule {}
