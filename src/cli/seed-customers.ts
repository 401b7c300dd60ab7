import { CreateCustomerDto } from '../customers/customer.dto.js';
import { CustomerBatches } from '../customers/customer-batches.js';
import { CustomersService } from '../customers/customers.service.js';
import { validateDto } from '../validation/validate-dto.js';
import { withModule } from './command-context.js';
import { UsageError } from './exit-codes.js';
import { ProgressBar } from './progress-bar.js';
import { sampleCustomer } from './sample-customers.js';
import { contextOf, TransferCommandsModule } from './transfer-commands.module.js';

const BATCH_SIZE = 100;
const MAX_CUSTOMERS = 5_000_000;

interface Options {
  customers: string;
  force?: true;
}

export async function seedCustomers({ customers, force }: Options): Promise<void> {
  const total = /^\d{1,7}$/.test(customers) ? Number(customers) : 0;
  if (total < 1 || total > MAX_CUSTOMERS)
    throw new UsageError(`--customers must be a number from 1 to ${MAX_CUSTOMERS}.`);
  await withModule(TransferCommandsModule, async (service) => {
    if (!force && (await service.get(CustomersService).hasAny()))
      throw new UsageError('The database has customers. To add sample data to them, add --force.');
    const context = await contextOf(service);
    const batches = service.get(CustomerBatches);
    const bar = new ProgressBar();
    let created = 0;
    for (let start = 0; start < total; start += BATCH_SIZE) {
      const indexes = Array.from({ length: Math.min(BATCH_SIZE, total - start) }, (_, index) => start + index);
      const batch = await Promise.all(indexes.map((index) => validateDto(CreateCustomerDto, sampleCustomer(index))));
      const outcomes = await batches.write(context, batch, 'skip');
      created += outcomes.filter((outcome) => outcome === 'created').length;
      bar.update(start + batch.length, (start + batch.length) / total);
    }
    bar.end();
    const others = created < total ? ` ${total - created} exist already.` : '';
    process.stdout.write(`Created ${created} invented customers.${others}\n`);
  });
}
