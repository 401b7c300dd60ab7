import type { Type } from '@nestjs/common';
import { RequestValidationPipe } from './validation.pipe.js';

const pipe = new RequestValidationPipe();

/** Applies the API's validation outside a handler, such as in a command or guard. Throws `invalid_request`. */
export const validateDto = <Dto>(type: Type<Dto>, values: unknown, source: 'body' | 'query' = 'body'): Promise<Dto> =>
  pipe.transform(values, { type: source, metatype: type }) as Promise<Dto>;
