import { CustomersModule } from '../customers/customers.module.js';
import { PhotoSweep } from '../customers/photo-sweep.js';
import { withModule } from './command-context.js';

export function sweepPhotos(): Promise<void> {
  return withModule(CustomersModule, async (service) => {
    const { found, removed } = await service.get(PhotoSweep).sweep();
    process.stdout.write(`Removed ${removed} of ${found} objects.\n`);
  });
}
