import { OmitType } from '@nestjs/swagger';
import { ListQuery } from '../lists/list.query.js';
import { IsOneOf, OptionalNotNull } from '../validation/fields.js';
import type { FileFormat } from './parsing/import-file.js';

export class ExportQuery extends OmitType(ListQuery, ['limit', 'cursor', 'count'] as const) {
  /** Default: `csv`. */
  @OptionalNotNull()
  @IsOneOf('csv', 'ndjson')
  format?: FileFormat;
}
