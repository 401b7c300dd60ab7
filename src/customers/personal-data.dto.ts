import { type HistoryEntryDto } from '../history/history.dto.js';
import { type CustomerDto } from './customer.dto.js';

export class CustomerRecordDto {
  customer: CustomerDto;

  /**
   * Where the photo is stored, also that of a deleted customer, which has no URL: names of objects, or the URL of a photo
   * of the previous service.
   */
  photoAddresses: string[];

  /** All changes, newest first. */
  history: HistoryEntryDto[];
}

/** Everything that the service holds about one person. */
export class PersonalDataDto extends CustomerRecordDto {
  /** The customers that were merged into this one: they are the same person. */
  mergedCustomers: CustomerRecordDto[];
}
