import { Injectable } from '@nestjs/common';
import { HistoryService } from '../history/history.service.js';
import { PhotosService } from '../photos/photos.service.js';
import { Problem } from '../problems/problem.js';
import type { Customer } from './customer.entity.js';
import { CustomerMapper } from './customer.mapper.js';
import { CustomersService, refuseErased } from './customers.service.js';
import { MergeRecords } from './merge-records.js';

/** Writes a `PersonalDataDto` as JSON text, piece by piece: a history may have many thousands of entries. */
@Injectable()
export class PersonalDataService {
  constructor(
    private readonly customers: CustomersService,
    private readonly records: MergeRecords,
    private readonly history: HistoryService,
    private readonly photos: PhotosService,
    private readonly mapper: CustomerMapper,
  ) {}

  /** Also of a deleted customer, whose data is still held. */
  async read(id: number, origin: string): Promise<AsyncGenerator<string>> {
    const customer = await this.customers.find(id);
    if (!customer) throw new Problem('customer_not_found');
    refuseErased(customer);
    const [, ...mergedIds] = await this.records.personOf(id);
    return this.write(customer, mergedIds, origin);
  }

  private async *write(customer: Customer, mergedIds: number[], origin: string): AsyncGenerator<string> {
    yield '{';
    yield* this.writeRecord(customer, origin);
    yield ',"mergedCustomers":[';
    let separator = '';
    for (const id of mergedIds) {
      const merged = await this.customers.find(id);
      if (!merged) continue;
      yield `${separator}{`;
      yield* this.writeRecord(merged, origin);
      yield '}';
      separator = ',';
    }
    yield ']}';
  }

  /** The members of a `CustomerRecordDto`. */
  private async *writeRecord(customer: Customer, origin: string): AsyncGenerator<string> {
    const { photoKey, photoUrl } = customer;
    const photoAddresses = photoKey === null && photoUrl !== null ? [photoUrl] : this.photos.objectsOf(customer);
    yield `"customer":${JSON.stringify(this.mapper.toDto(customer, origin))}`;
    yield `,"photoAddresses":${JSON.stringify(photoAddresses)},"history":[`;
    let separator = '';
    for await (const entry of this.history.all('customer', customer.id)) {
      yield separator + JSON.stringify(entry);
      separator = ',';
    }
    yield ']';
  }
}
