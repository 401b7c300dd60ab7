import { CreateUserDto } from '../users/user.dto.js';
import type { User } from '../users/user.entity.js';
import { UsersModule } from '../users/users.module.js';
import { UsersService } from '../users/users.service.js';
import { validateDto } from '../validation/validate-dto.js';
import { withModule } from './command-context.js';
import { readPassword } from './read-password.js';

interface Options {
  name: string;
  surname: string;
  invite?: true;
  promote?: true;
}

/** In the history nobody has done it: whoever runs commands is no user. */
const BY_OPERATOR = { actorId: null, requestId: null };

export async function createAdmin(email: string, { invite, promote, ...names }: Options): Promise<void> {
  const values = await validateDto(CreateUserDto, { email, ...names, role: 'admin' });
  await withModule(UsersModule, async (service) => {
    const users = service.get(UsersService);
    const known = await users.findByEmail(values.email);
    if (known) return print(await promoted(users, known, promote));
    const password = invite ? undefined : await readPassword();
    const admin = await validateDto(CreateUserDto, invite ? { ...values } : { ...values, password });
    const { id, invitation } = await users.create(BY_OPERATOR, admin);
    print(`${values.email} is an admin now (user ${id}).`);
    if (invitation)
      print(`Invitation: ${invitation.token}`, `Good until: ${invitation.expiresAt}`, 'It is shown this once.', REDEEM);
  });
}

const REDEEM = 'They choose a password with it at POST /login/password.';

async function promoted(users: UsersService, { id, email, isAdmin }: User, promote = false): Promise<string> {
  if (isAdmin && promote) return `${email} is an admin already (user ${id}).`;
  if (isAdmin) throw new Error(`${email} is an admin already (user ${id}). Nothing was changed.`);
  if (!promote) throw new Error(`There is a user with this e-mail (user ${id}). To make them an admin: --promote`);
  await users.setRole(BY_OPERATOR, id, 'admin');
  return `${email} is an admin now (user ${id}), and keeps their password.`;
}

const print = (...lines: string[]): boolean => process.stdout.write(`${lines.join('\n')}\n`);
