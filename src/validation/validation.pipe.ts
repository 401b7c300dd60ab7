import { type ArgumentMetadata, Injectable, ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import type { MemberErrorCode } from '../problems/catalog.js';
import { escapePointer, type InvalidMember, Problem } from '../problems/problem.js';

class ValidationFailure extends Error {
  constructor(readonly errors: ValidationError[]) {
    super();
  }
}

/** Validates bodies and queries against their DTO classes. Refuses members that the class does not declare. */
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
    // otherwise `transform` would turn `0x10` into a number before IdPipe sees it
    if (metadata.type === 'param') return value;
    if (metadata.type === 'body' && (typeof value !== 'object' || value === null || Array.isArray(value)))
      throw Problem.invalid([{ pointer: '', code: 'not_an_object', message: 'Must be a JSON object.' }]);
    try {
      // values of our own decorators are no input
      return await super.transform(metadata.type === 'custom' ? value : withoutNesting(value), metadata);
    } catch (error) {
      if (!(error instanceof ValidationFailure)) throw error;
      throw Problem.invalid(error.errors.map((invalid) => toMember(invalid, metadata)));
    }
  }
}

/** No member of a DTO is an object: those are refused, but `transform` would copy them with all that they contain. */
const withoutNesting = (value: unknown): unknown =>
  typeof value === 'object' && value !== null
    ? Object.fromEntries(
        Object.entries(value).map(([name, member]) => [
          name,
          typeof member === 'object' && member !== null ? {} : member,
        ]),
      )
    : value;

function toMember({ property, constraints, value }: ValidationError, { type }: ArgumentMetadata): InvalidMember {
  const pointer = type === 'body' ? `/${escapePointer(property)}` : property;
  if (!constraints?.field) return { pointer, code: 'unknown_member', message: 'Unknown member.' };
  if (value === undefined) return { pointer, code: 'required', message: 'This value is required.' };
  const [code, ...words] = constraints.field.split(' ');
  return { pointer, code: code as MemberErrorCode, message: words.join(' ') };
}
