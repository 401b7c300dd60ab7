import { type ArgumentMetadata, Injectable, type PipeTransform, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { type InvalidMember, Problem } from '../problems/catalog.js';
import { MAX_ID } from './fields.js';
import { escapePointer } from '../http/body-parsers.js';

class ValidationFailure extends Error {
  constructor(readonly errors: ValidationError[]) {
    super();
  }
}

/** Checks bodies and queries against their classes; what a class does not know is refused. */
@Injectable()
export class RequestValidationPipe extends ValidationPipe {
  constructor() {
    super({
      transform: true,
      whitelist: true,
      forbidNonWhitelisted: true,
      stopAtFirstError: true,
      exceptionFactory: (errors) => new ValidationFailure(errors),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // it would make a number of `0x10`, before IdPipe sees it
    if (metadata.type === 'param') return value;
    if (metadata.type === 'body' && (typeof value !== 'object' || value === null || Array.isArray(value)))
      throw Problem.invalid([{ pointer: '', code: 'not_an_object', message: 'must be a JSON object' }]);
    try {
      return await super.transform(value, metadata);
    } catch (error) {
      if (!(error instanceof ValidationFailure)) throw error;
      throw Problem.invalid(error.errors.map((invalid) => toMember(invalid, metadata)));
    }
  }
}

function toMember({ property, constraints, value }: ValidationError, { type }: ArgumentMetadata): InvalidMember {
  const pointer = type === 'body' ? `/${escapePointer(property)}` : property;
  if (!constraints?.field) return { pointer, code: 'unknown_member', message: 'is not known' };
  if (value === undefined) return { pointer, code: 'required', message: 'is required' };
  const [code = '', ...words] = constraints.field.split(' ');
  return { pointer, code, message: words.join(' ') };
}

/** Ids in paths: decimal, from 1 to 2^31 - 1. `ParseIntPipe` would take -1 and 1e20. */
@Injectable()
export class IdPipe implements PipeTransform<string, number> {
  transform(value: string, { data }: ArgumentMetadata): number {
    const id = Number(value);
    if (!/^[1-9]\d{0,9}$/.test(value) || id > MAX_ID)
      throw Problem.invalid([
        { pointer: data ?? 'id', code: 'not_in_range', message: `must be a whole number from 1 to ${MAX_ID}` },
      ]);
    return id;
  }
}
