import { Injectable } from '@nestjs/common';
import { CustomerMapper } from '../customers/customer.mapper.js';
import type { CustomerAction } from '../history/actions.js';
import type { ChangeDto } from './changes.dto.js';
import type { Change } from './changes.service.js';

@Injectable()
export class ChangeMapper {
  constructor(private readonly customers: CustomerMapper) {}

  toDto({ id, version, action, at, by, customer }: Change, origin: string): ChangeDto {
    return {
      id,
      version,
      action: action as CustomerAction,
      at: at.toISOString(),
      by,
      customer: customer && this.customers.toDto(customer, origin),
    };
  }
}
