import type { Type } from '@nestjs/common';
import { RequestValidationPipe } from './validation.pipe.js';

const pipe = new RequestValidationPipe();

/** Validates values that do not arrive as a handler's parameter by the rules of the API. Throws `invalid_request`. */
export const validateDto = <Dto>(type: Type<Dto>, values: unknown, source: 'body' | 'query' = 'body'): Promise<Dto> =>
  pipe.transform(values, { type: source, metatype: type }) as Promise<Dto>;
