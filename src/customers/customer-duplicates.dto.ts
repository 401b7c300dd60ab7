import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { CustomerDto } from './customer.dto.js';
import type { Duplicate, DuplicateReason } from './customer-duplicates.service.js';

@ApiSchema({ description: 'A customer that may be the same person.' })
export class DuplicateDto {
  /** The other customer. */
  customer: CustomerDto;

  /**
   * From 0 to 1: phone and e-mail count 0.4 each, the name 0.2.
   * @example 0.6
   */
  @ApiProperty({ format: 'double', minimum: 0, maximum: 1 })
  score: number;

  /**
   * What is the same. `phone`: the number. `name`: name and surname, regardless of case and accents. `email`: the mailbox,
   * that is without a plus-tag, for Gmail without dots, and with a misspelled domain of a common provider corrected.
   */
  @ApiProperty({ type: String, isArray: true, enum: ['phone', 'name', 'email'] })
  reasons: DuplicateReason[];

  static from({ score, reasons }: Duplicate, customer: CustomerDto): DuplicateDto {
    return { customer, score, reasons };
  }
}

@ApiSchema({ description: 'Customers that may be the same person.' })
export class DuplicateListDto {
  /** Best first, at most 20. */
  data: DuplicateDto[];
}
