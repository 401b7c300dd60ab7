import { CreateUserDto } from '../users/user.dto.js';
import type { User } from '../users/user.entity.js';
import { UsersModule } from '../users/users.module.js';
import { UsersService } from '../users/users.service.js';
import { validateDto } from '../validation/validate-dto.js';
import { OPERATOR, withModule } from './command-context.js';
import { readPassword } from './read-password.js';

interface Options {
  name: string;
  surname: string;
  invite?: true;
  promote?: true;
}

export async function createAdmin(email: string, { invite, promote, ...names }: Options): Promise<void> {
  const values = await validateDto(CreateUserDto, { email, ...names, role: 'admin' });
  await withModule(UsersModule, async (service) => {
    const users = service.get(UsersService);
    const existing = await users.findByEmail(values.email);
    if (existing) return print(await promoteUser(users, existing, promote));
    const password = invite ? undefined : await readPassword();
    const admin = await validateDto(CreateUserDto, invite ? { ...values } : { ...values, password });
    const { id, invitation } = await users.create(OPERATOR, admin);
    print(`Created admin ${values.email} (user ${id}).`);
    if (invitation) print(`Invitation: ${invitation.token}`, `Expires at: ${invitation.expiresAt}`, INVITATION_NOTE);
  });
}

const INVITATION_NOTE = 'It is shown only once. The admin redeems it at POST /login/password to choose a password.';

async function promoteUser(users: UsersService, { id, email, isAdmin }: User, promote = false): Promise<string> {
  if (isAdmin && promote) return `${email} is already an admin (user ${id}).`;
  if (isAdmin) throw new Error(`${email} is already an admin (user ${id}). Nothing was changed.`);
  if (!promote) throw new Error(`User ${id} already has this e-mail. To promote the user to admin, add --promote.`);
  await users.setRole(OPERATOR, id, 'admin');
  return `Promoted ${email} to admin (user ${id}). The password is unchanged.`;
}

const print = (...lines: string[]): boolean => process.stdout.write(`${lines.join('\n')}\n`);
