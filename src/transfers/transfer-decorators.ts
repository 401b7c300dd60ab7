import { applyDecorators } from '@nestjs/common';
import { ApiExtension, ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { CustomerDto } from '../customers/customer.dto.js';
import { CSV_TYPE, FORM_TYPE, NDJSON_TYPE } from '../http/media-types.js';
import { BODY_CONTENT } from '../http/route-decorators.js';
import { IMPORT_EVENTS } from './import-event.dto.js';

const FILE = { type: 'string', description: 'At most 1 GiB and 5,000,000 rows, of at most 64 KiB each.' };

/** Documents a body that is a file of customers, in a form or as the whole body, and the events of the response. */
export const ApiImport = (): MethodDecorator =>
  applyDecorators(
    ApiExtension(BODY_CONTENT, {
      [CSV_TYPE]: { schema: { type: 'string' } },
      [NDJSON_TYPE]: { schema: { type: 'string' } },
      [FORM_TYPE]: {
        schema: { type: 'object', properties: { file: { ...FILE, format: 'binary' } }, required: ['file'] },
      },
    }),
    ApiExtraModels(...IMPORT_EVENTS),
    ApiResponse({
      status: 200,
      description: 'One event per line, written while the file is read. The last one is `done` or `aborted`.',
      content: { [NDJSON_TYPE]: { schema: { oneOf: IMPORT_EVENTS.map((model) => ({ $ref: getSchemaPath(model) })) } } },
    }),
  );

export const ApiExport = (): MethodDecorator =>
  applyDecorators(
    ApiExtraModels(CustomerDto),
    ApiResponse({
      status: 200,
      description:
        'All customers that match, as CSV or with one JSON object per line. A connection that ends before the response does means that it is incomplete.',
      headers: {
        'Content-Disposition': { description: 'A file name with the date.', schema: { type: 'string' } },
      },
      content: {
        [CSV_TYPE]: { schema: { type: 'string' } },
        [NDJSON_TYPE]: { schema: { $ref: getSchemaPath(CustomerDto) } },
      },
    }),
  );
