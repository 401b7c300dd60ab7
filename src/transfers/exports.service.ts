import { Injectable } from '@nestjs/common';
import type { CustomerDto } from '../customers/customer.dto.js';
import { CustomerMapper } from '../customers/customer.mapper.js';
import { CustomersService } from '../customers/customers.service.js';
import { retryPatiently } from '../database/patience.js';
import { Replicas } from '../database/replicas.js';
import { createCsvWriter } from './csv-writer.js';
import type { ExportQuery } from './export.query.js';
import { IdSet } from './id-set.js';

const BATCH_SIZE = 500;

/** Writes all customers of a list as text, in its order. Reads them in batches: memory does not grow with their number. */
@Injectable()
export class ExportsService {
  constructor(
    private readonly customers: CustomersService,
    private readonly mapper: CustomerMapper,
    private readonly replicas: Replicas,
  ) {}

  /** Pieces of the file. Nothing is held open between them. */
  async *write({ format = 'csv', ...query }: ExportQuery, origin: string): AsyncGenerator<string> {
    const csv = format === 'csv' ? await createCsvWriter() : undefined;
    let start = csv?.header ?? '';
    for await (const batch of this.batches(query, origin)) {
      const rows = csv ? csv.write(batch) : batch.map((customer) => `${JSON.stringify(customer)}\n`).join('');
      yield start + rows;
      start = '';
    }
  }

  /**
   * The list page by page: an unchanged row keeps its place and appears once. One that is changed may move
   * beyond the current page and would come again.
   */
  private async *batches(query: Omit<ExportQuery, 'format'>, origin: string): AsyncGenerator<CustomerDto[]> {
    const written = new IdSet();
    let cursor: string | undefined;
    do {
      const request = { ...query, limit: BATCH_SIZE, cursor };
      const read = (): ReturnType<CustomersService['list']> => this.customers.list(request, this.replicas);
      const { rows, page } = cursor === undefined ? await read() : await retryPatiently(read);
      yield rows.filter(({ id }) => written.add(id)).map((customer) => this.mapper.toDto(customer, origin));
      cursor = page.next ?? undefined;
    } while (cursor !== undefined);
  }
}
