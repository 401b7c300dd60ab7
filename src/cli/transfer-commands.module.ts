import { type INestApplicationContext, Module } from '@nestjs/common';
import { CustomersModule } from '../customers/customers.module.js';
import { HttpModule } from '../http/http.module.js';
import { TransfersModule } from '../transfers/transfers.module.js';
import { UsersModule } from '../users/users.module.js';
import { UsersService } from '../users/users.service.js';
import type { WriteContext } from '../writes/write-context.js';
import { UsageError } from './exit-codes.js';

/** What the commands that write many customers use. */
@Module({ imports: [TransfersModule, CustomersModule, UsersModule, HttpModule] })
export class TransferCommandsModule {}

/** Every customer has a creator: the user with this e-mail, or the first admin. */
export async function contextOf(service: INestApplicationContext, email?: string): Promise<WriteContext> {
  const users = service.get(UsersService);
  const user = email === undefined ? await users.findFirstAdmin() : await users.findByEmail(email);
  if (user) return { actorId: user.id, requestId: null };
  throw new UsageError(
    email === undefined
      ? 'There is no admin yet, whom customers could name as their creator. First run: npm run crm -- admin create <email>'
      : `No user has the e-mail ${email}.`,
  );
}
