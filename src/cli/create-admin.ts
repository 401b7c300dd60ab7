import { RequestValidationPipe } from '../validation/validation.pipe.js';
import { CreateUserDto, type UserDto } from '../users/user.dto.js';
import { UsersModule } from '../users/users.module.js';
import { UsersService } from '../users/users.service.js';
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
  const values = await validated({ email, ...names, role: 'admin' });
  await withModule(UsersModule, async (service) => {
    const users = service.get(UsersService);
    const known = await users.findByEmail(values.email);
    if (known) return print(await promoted(users, known, promote));
    const password = invite ? undefined : await readPassword();
    const admin = await validated(invite ? { ...values } : { ...values, password });
    const { id, invitation } = await users.create(BY_OPERATOR, admin);
    print(`${values.email} is an admin now (user ${id}).`);
    if (invitation)
      print(`Invitation: ${invitation.token}`, `Good until: ${invitation.expiresAt}`, 'It is shown this once.', REDEEM);
  });
}

const REDEEM = 'They choose a password with it at POST /login/password.';

async function promoted(users: UsersService, { id, email, role }: UserDto, promote = false): Promise<string> {
  if (role === 'admin' && promote) return `${email} is an admin already (user ${id}).`;
  if (role === 'admin') throw new Error(`${email} is an admin already (user ${id}). Nothing was changed.`);
  if (!promote) throw new Error(`There is a user with this e-mail (user ${id}). To make them an admin: --promote`);
  await users.setRole(BY_OPERATOR, id, 'admin');
  return `${email} is an admin now (user ${id}), and keeps their password.`;
}

/** By the rules of the API. */
const validated = (values: Partial<CreateUserDto>): Promise<CreateUserDto> =>
  new RequestValidationPipe().transform(values, { type: 'body', metatype: CreateUserDto }) as Promise<CreateUserDto>;

const print = (...lines: string[]): boolean => process.stdout.write(`${lines.join('\n')}\n`);
