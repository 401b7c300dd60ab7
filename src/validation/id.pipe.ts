import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { Problem } from '../problems/problem.js';
import { MAX_ID } from './fields.js';

/** Parses ids in paths: decimal, from 1 to 2^31 - 1. `ParseIntPipe` accepts -1 and 1e20. */
@Injectable()
export class IdPipe implements PipeTransform<string, number> {
  transform(value: string, { data }: ArgumentMetadata): number {
    const id = Number(value);
    if (!/^[1-9]\d{0,9}$/.test(value) || id > MAX_ID)
      throw Problem.invalid([
        { pointer: data ?? 'id', code: 'not_in_range', message: `Must be an integer from 1 to ${MAX_ID}.` },
      ]);
    return id;
  }
}
