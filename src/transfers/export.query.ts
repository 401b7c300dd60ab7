import { ApiPropertyOptional, OmitType } from '@nestjs/swagger';
import { ListCustomersQuery } from '../customers/list-customers.query.js';
import { IsOneOf, OptionalNotNull } from '../validation/fields.js';
import type { FileFormat } from './parsing/import-file.js';

export class ExportQuery extends OmitType(ListCustomersQuery, ['limit', 'cursor', 'count'] as const) {
  /** The format of the file. */
  @OptionalNotNull()
  @ApiPropertyOptional({ default: 'csv' })
  @IsOneOf('csv', 'ndjson')
  format?: FileFormat;
}
