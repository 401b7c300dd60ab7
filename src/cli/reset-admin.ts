import { CredentialsService } from '../users/credentials.service.js';
import { UsersModule } from '../users/users.module.js';
import { UsersService } from '../users/users.service.js';
import { OPERATOR, withModule } from './command-context.js';

/** For an admin who cannot sign in, when no other admin can issue a reset through the API. */
export async function resetAdmin(email: string): Promise<void> {
  await withModule(UsersModule, async (service) => {
    const user = await service.get(UsersService).findByEmail(email);
    if (!user)
      throw new Error(
        'No active user has this e-mail. To create an admin: npm run crm -- admin create <email> --invite',
      );
    if (!user.isAdmin)
      throw new Error(
        `User ${user.id} is no admin. To promote the user: npm run crm -- admin create <email> --promote`,
      );
    const { token, expiresAt } = await service.get(CredentialsService).issueReset(OPERATOR, user.id);
    process.stdout.write(
      [
        `Password reset for ${user.email} (user ${user.id}).`,
        `Reset: ${token}`,
        `Expires at: ${expiresAt}`,
        'It is shown only once. The admin redeems it at POST /login/password with { "token", "newPassword" }. This ends all',
        'sessions and unlinks all provider accounts; until then the old password works.',
        '',
      ].join('\n'),
    );
  });
}
