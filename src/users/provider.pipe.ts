import { Injectable, type PipeTransform } from '@nestjs/common';
import { Problem } from '../problems/problem.js';
import { type Provider, PROVIDERS } from './identity.entity.js';

/** Refuses an unknown provider before anything else is looked at. */
@Injectable()
export class ProviderPipe implements PipeTransform<string, Provider> {
  transform(value: string): Provider {
    if (!PROVIDERS.includes(value as Provider)) throw new Problem('identity_not_found');
    return value as Provider;
  }
}
