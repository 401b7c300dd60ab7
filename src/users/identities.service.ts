import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { Clock } from '../config/clock.js';
import { Problem } from '../problems/problem.js';
import { ResourceWriter } from '../writes/resource-writer.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { WriteContext } from '../writes/write-context.js';
import { Identity, type Provider } from './identity.entity.js';
import { canSignIn, refuseLastAdmin } from './last-admin.js';
import { providersOf } from './user.dto.js';
import type { User } from './user.entity.js';
import { UsersService } from './users.service.js';

/** An account at a provider, after a sign-in there. */
export interface ProviderAccount {
  provider: Provider;
  subject: string;
  /** Null unless the provider has verified it. */
  email: string | null;
}

/** Links provider accounts to users. */
@Injectable()
export class IdentitiesService {
  constructor(
    @InjectRepository(Identity) private readonly identities: Repository<Identity>,
    private readonly users: UsersService,
    private readonly writer: ResourceWriter,
    private readonly clock: Clock,
  ) {}

  /**
   * The user who signs in with this account, or null. The e-mail links an account only once: afterwards only that
   * account identifies the user. Otherwise a new owner of the address (a reassigned mailbox, an expired domain) could
   * sign in as the user.
   */
  async findUser(account: ProviderAccount, requestId: string): Promise<User | null> {
    const { provider, subject, email } = account;
    const known = await this.identities.findOneBy({ provider, subject });
    const owner = known && (await this.users.find(known.userId));
    if (owner) return isLinked(owner, provider) ? owner : null;
    if (email === null) return null;
    const user = await this.users.findByEmail(email);
    if (!user) return null;
    const own = await this.identities.findOneBy({ userId: user.id, provider });
    // Another tab has linked it a moment ago.
    if (own?.subject === subject) return this.findUser(account, requestId);
    if (own) return null;
    return this.link({ actorId: user.id, requestId }, user.id, account);
  }

  /** Linking an account again changes nothing. */
  link(context: WriteContext, userId: number, { provider, subject }: ProviderAccount): Promise<User> {
    return this.writer.update(this.users.resource, context, userId, {
      action: 'identity_linked',
      set: async (user, manager) => {
        const known = await manager.findOneBy(Identity, { provider, subject });
        if (isLinked(user, provider)) {
          if (known?.userId === userId) return {};
          throw new Problem('provider_linked');
        }
        if (known && known.userId !== userId) await this.release(manager, context, known);
        await manager.delete(Identity, { userId, provider });
        await manager.insert(Identity, { userId, provider, subject, createdAt: this.clock.now() });
        return { linkedProviders: [...providersOf(user), provider].toSorted().join() };
      },
    });
  }

  /** Users cannot unlink their last way to sign in. */
  unlinkOwn(
    context: WriteContext,
    userId: number,
    provider: Provider,
    expectedVersion?: VersionCondition,
  ): Promise<void> {
    return this.unlink(context, userId, provider, expectedVersion, () => {
      throw new Problem('last_sign_in');
    });
  }

  /** An admin can unlink it, as a password reset lets the user in again; except that of the last admin. */
  unlinkAsAdmin(
    context: WriteContext,
    userId: number,
    provider: Provider,
    expectedVersion?: VersionCondition,
  ): Promise<void> {
    return this.unlink(context, userId, provider, expectedVersion, async (user, manager) => {
      if (user.isAdmin) await refuseLastAdmin(manager, userId);
    });
  }

  /** `onLast` may refuse to unlink the last way to sign in. */
  private async unlink(
    context: WriteContext,
    userId: number,
    provider: Provider,
    expectedVersion: VersionCondition | undefined,
    onLast: (user: User, manager: EntityManager) => Promise<void> | void,
  ): Promise<void> {
    await this.writer.update(this.users.resource, context, userId, {
      action: 'identity_unlinked',
      expectedVersion,
      set: async (user, manager) => {
        if (!isLinked(user, provider)) throw new Problem('identity_not_found');
        const rest = withoutProvider(user, provider);
        if (!canSignIn({ ...user, ...rest })) await onLast(user, manager);
        return rest;
      },
    });
  }

  /** Frees an account whose user is deleted or has unlinked it. Never takes it from an active owner. */
  private async release(
    manager: EntityManager,
    context: WriteContext,
    { id, userId, provider }: Identity,
  ): Promise<void> {
    await this.writer.updateIn(manager, this.users.resource, context, userId, {
      action: 'identity_unlinked',
      includeDeleted: true,
      set: (owner) => {
        if (isLinked(owner, provider) && !owner.isDeleted) throw new Problem('identity_taken');
        return withoutProvider(owner, provider);
      },
    });
    await manager.delete(Identity, { id });
  }
}

const isLinked = (user: User, provider: Provider): boolean => providersOf(user).includes(provider);

const withoutProvider = (user: User, provider: Provider): Partial<User> => ({
  linkedProviders: providersOf(user)
    .filter((other) => other !== provider)
    .join(),
});
