import { Module } from '@nestjs/common';
import { CustomersModule } from '../customers/customers.module.js';
import { HistoryModule } from '../history/history.module.js';
import { ChangeMapper } from './change-mapper.js';
import { ChangePages } from './change-pages.js';
import { ChangeStreams } from './change-streams.js';
import { ChangesController } from './changes.controller.js';
import { ChangesService } from './changes.service.js';
import { WaitingReaders } from './waiting-readers.js';

@Module({
  imports: [CustomersModule, HistoryModule],
  controllers: [ChangesController],
  providers: [ChangesService, ChangePages, ChangeStreams, ChangeMapper, WaitingReaders],
})
export class ChangesModule {}
