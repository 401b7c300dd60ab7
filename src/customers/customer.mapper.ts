import { Injectable } from '@nestjs/common';
import type { Page } from '../lists/key-paging.js';
import { PhotoAddresses } from '../photos/photo-addresses.js';
import { deletedAtOf } from '../writes/resource.js';
import type { CustomerDto, CustomerPageDto } from './customer.dto.js';
import type { Customer } from './customer.entity.js';

/** Maps rows to DTOs; photo URLs start with the origin of the request. */
@Injectable()
export class CustomerMapper {
  constructor(private readonly addresses: PhotoAddresses) {}

  toPage({ rows, page }: Page<Customer>, origin: string): CustomerPageDto {
    return { data: rows.map((customer) => this.toDto(customer, origin)), page };
  }

  toDto(customer: Customer, origin: string): CustomerDto {
    return {
      id: customer.id,
      email: customer.email,
      name: customer.name,
      surname: customer.surname,
      phone: customer.phone,
      company: customer.company,
      notes: customer.notes,
      photo: customer.isDeleted ? null : this.addresses.toDto(customer.id, customer, origin),
      createdBy: customer.createdBy,
      lastModifiedBy: customer.lastModifiedBy,
      createdAt: customer.createdAt.toISOString(),
      lastModifiedAt: customer.lastModifiedAt.toISOString(),
      version: customer.version,
      deletedAt: deletedAtOf(customer)?.toISOString() ?? null,
      // undefined in a new row; version 0.1 restores a customer without clearing it
      mergedInto: customer.isDeleted ? (customer.mergedInto ?? null) : null,
    };
  }
}
