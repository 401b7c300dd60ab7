import { ApiSchema } from '@nestjs/swagger';
import { type CustomerDto } from './customer.dto.js';
import { type CustomerHistoryEntryDto } from './customer-history.dto.js';

@ApiSchema({ description: 'Everything that the service holds about one customer.' })
export class CustomerRecordDto {
  /** The customer, also a deleted one. */
  customer: CustomerDto;

  /**
   * Where the photo is stored, also that of a deleted customer, which has no URL: names of objects, or the URL of a photo
   * of the previous service.
   * @example []
   */
  photoAddresses: string[];

  /** All changes, newest first. */
  history: CustomerHistoryEntryDto[];
}

@ApiSchema({ description: 'Everything that the service holds about one person.' })
export class PersonalDataDto extends CustomerRecordDto {
  /**
   * The customers that were merged into this one: they are the same person.
   * @example []
   */
  mergedCustomers: CustomerRecordDto[];
}
