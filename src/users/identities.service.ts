import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { type EntityManager, Repository } from 'typeorm';
import { Clock } from '../config/clock.js';
import { Problem } from '../problems/problem.js';
import { ResourceWriter } from '../writes/resource-writer.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { WriteContext } from '../writes/write-context.js';
import { Identity, type Provider } from './identity.entity.js';
import { providersOf } from './user.dto.js';
import type { User } from './user.entity.js';
import { UsersService } from './users.service.js';

/** Somebody who has signed in at a provider. */
export interface ProviderAccount {
  provider: Provider;
  subject: string;
  /** Only if the provider vouches for it. */
  email: string | null;
}

/** Accounts at providers: whose they are. */
@Injectable()
export class IdentitiesService {
  constructor(
    @InjectRepository(Identity) private readonly identities: Repository<Identity>,
    private readonly users: UsersService,
    private readonly writer: ResourceWriter,
    private readonly clock: Clock,
  ) {}

  /**
   * The user who signs in with it, or null. An e-mail counts once: a user who has had an account at this provider is
   * known by that one alone, or whoever gets hold of the address (a former colleague's, a lapsed domain's) would be them.
   */
  async userOf(account: ProviderAccount, requestId: string): Promise<User | null> {
    const { provider, subject, email } = account;
    const known = await this.identities.findOneBy({ provider, subject });
    const owner = known && (await this.users.find(known.userId));
    if (owner) return isLinked(owner, provider) ? owner : null;
    if (email === null) return null;
    const user = await this.users.findByEmail(email);
    if (!user) return null;
    const own = await this.identities.findOneBy({ userId: user.id, provider });
    // linked a moment ago, by another tab
    if (own?.subject === subject) return this.userOf(account, requestId);
    if (own) return null;
    return this.link({ actorId: user.id, requestId }, user.id, account);
  }

  /** Linking what is linked already changes nothing. */
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

  async unlink(
    context: WriteContext,
    userId: number,
    provider: Provider,
    expectedVersion?: VersionCondition,
  ): Promise<void> {
    await this.writer.update(this.users.resource, context, userId, {
      action: 'identity_unlinked',
      expectedVersion,
      set: (user) => {
        if (!isLinked(user, provider)) throw new Problem('identity_not_found');
        if (user.passwordHash === null && providersOf(user).length === 1) throw new Problem('last_sign_in');
        return unlinked(provider)(user);
      },
    });
  }

  /** Takes it from a user who has been deleted or has unlinked it; nobody else loses theirs. */
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
        return unlinked(provider)(owner);
      },
    });
    await manager.delete(Identity, { id });
  }
}

const isLinked = (user: User, provider: Provider): boolean => providersOf(user).includes(provider);

const unlinked =
  (provider: Provider) =>
  (user: User): Partial<User> => ({
    linkedProviders: providersOf(user)
      .filter((other) => other !== provider)
      .join(),
  });
