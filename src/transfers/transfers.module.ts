import { Module } from '@nestjs/common';
import { CustomersModule } from '../customers/customers.module.js';
import { ExportResponses } from './export-responses.js';
import { ExportsController } from './exports.controller.js';
import { ExportsService } from './exports.service.js';
import { ImportResponses } from './import-responses.js';
import { ImportsController } from './imports.controller.js';
import { ImportsService } from './imports.service.js';

@Module({
  imports: [CustomersModule],
  controllers: [ImportsController, ExportsController],
  providers: [ImportsService, ImportResponses, ExportsService, ExportResponses],
  exports: [ImportsService, ExportsService],
})
export class TransfersModule {}
