import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { MoreThan, Repository } from 'typeorm';
import { Clock } from '../config/clock.js';
import { Problem } from '../problems/problem.js';
import { isCommonPassword, TOO_COMMON } from '../validation/common-passwords.js';
import { Idempotency } from '../writes/idempotency.js';
import { type Change, ResourceWriter } from '../writes/resource-writer.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { WriteContext } from '../writes/write-context.js';
import { PasswordHasher } from './password-hasher.js';
import { createPasswordToken, hashToken, NO_PASSWORD_TOKEN, RESET_MS } from './password-token.js';
import { withReplayCheck } from './replayed-tokens.js';
import type { ChangePasswordDto, PasswordTokenDto } from './user.dto.js';
import { User } from './user.entity.js';
import { UsersService } from './users.service.js';

/** Verifies and changes passwords, and redeems invitations and resets. No hash ever leaves this module. */
@Injectable()
export class CredentialsService {
  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    private readonly service: UsersService,
    private readonly writer: ResourceWriter,
    private readonly idempotency: Idempotency,
    private readonly passwords: PasswordHasher,
    private readonly clock: Clock,
  ) {}

  /** Null for a wrong password or an unknown e-mail, after the same work for both. */
  async verify(email: string, password: string): Promise<User | null> {
    const user = await this.service.findByEmail(email);
    if (!(await this.passwords.verify(password, user?.passwordHash ?? null)) || !user) return null;
    if (this.passwords.isOutdated(user.passwordHash!)) await this.upgradeHash(user, password);
    return user;
  }

  /** Null for a wrong password. */
  async verifyOwn(id: number, password: string): Promise<User | null> {
    const user = await this.service.find(id);
    return user && (await this.passwords.verify(password, user.passwordHash)) ? user : null;
  }

  /**
   * Null if the current password is wrong. Ends all sessions by incrementing the epoch; `afterUpdate` may keep one, in
   * the same transaction.
   */
  async change(
    context: WriteContext,
    id: number,
    { currentPassword, newPassword }: ChangePasswordDto,
    { expectedVersion, afterUpdate }: Pick<Change<User>, 'expectedVersion' | 'afterUpdate'>,
  ): Promise<User | null> {
    const user = await this.verifyOwn(id, currentPassword);
    if (!user) return null;
    const change = await this.createChange(user, newPassword, user.passwordHash);
    return this.writer.update(this.service.resource, context, id, { ...change, expectedVersion, afterUpdate });
  }

  /**
   * Redeems an invitation or a reset: the token identifies the user. Unlinks all provider accounts, because
   * an attacker with a stolen session may have linked one. The user has a password from then on and can link them again.
   */
  async redeem(requestId: string, token: string, password: string): Promise<void> {
    const passwordTokenHash = hashToken(token);
    const user = await this.users.findOneBy({
      passwordTokenHash,
      isDeleted: false,
      passwordTokenExpiresAt: MoreThan(this.clock.now()),
    });
    if (!user) throw new Problem('invalid_password_token');
    const change = await this.createChange(user, password);
    await this.writer.update(this.service.resource, { actorId: user.id, requestId }, user.id, {
      ...change,
      set: async (before, manager, now) => {
        // The token is single use: a second request finds another hash here.
        if (before.passwordTokenHash !== passwordTokenHash) throw new Problem('invalid_password_token');
        return { ...(await change.set(before, manager, now)), linkedProviders: '' };
      },
    });
  }

  /**
   * The admin hands the token over. The old password works until the token is redeemed. A retry never gets a token that
   * has ended, nor a new one, which would end the token that another request has issued since.
   */
  issueReset(context: WriteContext, id: number, expectedVersion?: VersionCondition): Promise<PasswordTokenDto> {
    return withReplayCheck(
      context,
      (checked) => this.issueResetOnce(checked, id, expectedVersion),
      async (stored) => {
        if (await this.service.hasToken(id, stored.token)) return stored;
        throw new Problem('idempotency_key_reused', 'The token of this key has ended. Use a new key for a new token.');
      },
    );
  }

  private issueResetOnce(
    context: WriteContext,
    id: number,
    expectedVersion?: VersionCondition,
  ): Promise<PasswordTokenDto> {
    const { dto, hash, expiresAt } = createPasswordToken(this.clock.now(), RESET_MS);
    return this.idempotency.runOnce(context, async (manager) => {
      await this.writer.updateIn(manager, this.service.resource, context, id, {
        action: 'password_reset_issued',
        expectedVersion,
        set: () => ({ passwordTokenHash: hash, passwordTokenExpiresAt: expiresAt }),
      });
      return { resource: 'user', resourceId: id, answer: dto };
    });
  }

  /**
   * `verifiedHash` is the hash that was checked: a concurrent request may have changed the password since. The DTOs do not
   * know the user's e-mail, which a password must not be made of.
   */
  private async createChange({ email }: User, password: string, verifiedHash?: string | null): Promise<Change<User>> {
    if (isCommonPassword(password, email)) {
      const [code, message] = TOO_COMMON;
      throw Problem.invalid([{ pointer: '/newPassword', code, message }]);
    }
    const passwordHash = await this.passwords.hash(password);
    return {
      action: 'password_changed',
      set: (before) => {
        if (verifiedHash !== undefined && before.passwordHash !== verifiedHash) throw new Problem('wrong_password');
        return {
          passwordHash,
          ...NO_PASSWORD_TOKEN,
          sessionEpoch: before.sessionEpoch + 1,
        };
      },
    };
  }

  /** The password stays the same, so there is no new version and no history entry. */
  private async upgradeHash({ id, passwordHash }: User, password: string): Promise<void> {
    await this.users.update({ id, passwordHash: passwordHash! }, { passwordHash: await this.passwords.hash(password) });
  }
}
