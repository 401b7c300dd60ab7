import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Clock } from '../config/clock.js';
import { type Dialect, dialectOf } from '../database/dialect.js';
import { DirectQueries } from '../database/direct-queries.js';
import { EntityTable } from '../database/entity-table.js';
import { HistoryService } from '../history/history.service.js';
import { usesSearchIndex } from '../lists/common-conditions.js';
import { KeyPaging } from '../lists/key-paging.js';
import type { PageQuery } from '../lists/list.query.js';
import { Problem } from '../problems/problem.js';
import { SearchIndex } from '../search/search-index.js';
import { StaleRows } from '../search/stale-rows.js';
import { normalizeEmail } from '../text/email.js';
import { deletedAtOf, type Resource } from '../writes/resource.js';
import { ResourceWriter } from '../writes/resource-writer.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { WriteContext } from '../writes/write-context.js';
import { refuseLastAdmin } from './last-admin.js';
import type { ListUsersQuery } from './list-users.query.js';
import { PasswordHasher } from './password-hasher.js';
import { createPasswordToken, INVITATION_MS, isRedeemable, NO_PASSWORD_TOKEN } from './password-token.js';
import { withReplayCheck } from './replayed-tokens.js';
import {
  CreatedUserDto,
  type CreateUserDto,
  type Role,
  roleOf,
  type UpdateUserDto,
  UserDto,
  type UserPageDto,
} from './user.dto.js';
import { User } from './user.entity.js';
import { UserHistoryEntryDto, type UserHistoryPageDto } from './user-history.dto.js';
import { userFilter } from './user-list.js';
import { USER_SEARCH } from './user-search.js';
import { USER_SORTS } from './user-sorts.js';

@Injectable()
export class UsersService {
  readonly resource: Resource<User>;
  private readonly table: EntityTable<User>;
  private readonly dialect: Dialect;
  private readonly search: SearchIndex<User>;

  constructor(
    dataSource: DataSource,
    sql: DirectQueries,
    private readonly writer: ResourceWriter,
    private readonly history: HistoryService,
    private readonly paging: KeyPaging,
    private readonly passwords: PasswordHasher,
    private readonly clock: Clock,
    staleRows: StaleRows,
  ) {
    this.table = new EntityTable(dataSource, sql, User);
    this.dialect = dialectOf(dataSource);
    this.search = new SearchIndex(dataSource, sql, USER_SEARCH);
    staleRows.watch(this.search);
    this.resource = {
      name: 'user',
      table: this.table,
      notFound: 'user_not_found',
      derivedData: this.search,
      auditedFields: (user) => ({
        email: user.email,
        name: user.name,
        surname: user.surname,
        role: roleOf(user),
        roleGrantedBy: user.roleGrantedBy,
        hasPassword: user.passwordHash !== null,
        identities: user.linkedProviders || null,
        deletedAt: deletedAtOf(user)?.toISOString() ?? null,
      }),
    };
  }

  async list(query: ListUsersQuery): Promise<UserPageDto> {
    if (usesSearchIndex(query)) await this.search.catchUp();
    const { rows, page } = await this.paging.list(this.table, USER_SORTS, userFilter(this.dialect, query), {
      ...query,
      sort: query.sort ?? '-id',
    });
    return { data: rows.map((user) => UserDto.from(user)), page };
  }

  /** Undefined for unknown and deleted users. Read on every request, for the guard. */
  async find(id: number): Promise<User | undefined> {
    const user = await this.table.find(id);
    return user?.isDeleted ? undefined : user;
  }

  async findByEmail(email: string): Promise<User | undefined> {
    const [user] = await this.table.select('WHERE live_email = ?', [normalizeEmail(email)]);
    return user;
  }

  async findFirstAdmin(): Promise<User | undefined> {
    const [admin] = await this.table.select('WHERE admin = 1 AND is_deleted = 0 ORDER BY id LIMIT 1', []);
    return admin;
  }

  async get(id: number): Promise<UserDto> {
    const user = await this.find(id);
    if (!user) throw new Problem('user_not_found');
    return UserDto.from(user);
  }

  /** Without a password, the result contains an invitation; the result of a retry only while it can be redeemed. */
  async create(
    context: WriteContext,
    { email, name, surname, role, password }: CreateUserDto,
  ): Promise<CreatedUserDto> {
    const token = password === undefined ? createPasswordToken(this.clock.now(), INVITATION_MS) : undefined;
    const isAdmin = role === 'admin';
    const values = {
      email,
      name,
      surname,
      isAdmin,
      roleGrantedBy: isAdmin ? context.actorId : null,
      passwordHash: password === undefined ? null : await this.passwords.hash(password),
      sessionEpoch: 1,
      linkedProviders: '',
      passwordTokenHash: token?.hash ?? null,
      passwordTokenExpiresAt: token?.expiresAt ?? null,
    };
    const toDto = (user: User): CreatedUserDto => ({
      ...UserDto.from(user),
      ...(token && { invitation: token.dto }),
    });
    return withReplayCheck(
      context,
      (checked) => this.writer.create(this.resource, checked, values, toDto),
      async ({ invitation, ...stored }) =>
        invitation && (await this.hasToken(stored.id, invitation.token)) ? { ...stored, invitation } : stored,
    );
  }

  /** Whether the user can still redeem this invitation or reset. */
  async hasToken(id: number, token: string): Promise<boolean> {
    const user = await this.find(id);
    return user !== undefined && isRedeemable(user, token, this.clock.now());
  }

  /** A new e-mail ends an invitation or a reset: it was meant for the owner of the previous address. */
  async update(
    context: WriteContext,
    id: number,
    changes: UpdateUserDto,
    expectedVersion?: VersionCondition,
  ): Promise<UserDto> {
    const user = await this.writer.update(this.resource, context, id, {
      action: 'updated',
      expectedVersion,
      set: ({ email }) =>
        changes.email === undefined || changes.email === email ? changes : { ...changes, ...NO_PASSWORD_TOKEN },
    });
    return UserDto.from(user);
  }

  async setRole(context: WriteContext, id: number, role: Role, expectedVersion?: VersionCondition): Promise<UserDto> {
    const user = await this.writer.update(this.resource, context, id, {
      action: 'role_changed',
      expectedVersion,
      set: async (before, manager) => {
        if (roleOf(before) === role) return {};
        if (role === 'admin') return { isAdmin: true, roleGrantedBy: context.actorId };
        await refuseLastAdmin(manager, id);
        return { isAdmin: false, roleGrantedBy: null, sessionEpoch: before.sessionEpoch + 1 };
      },
    });
    return UserDto.from(user);
  }

  async remove(context: WriteContext, id: number, expectedVersion?: VersionCondition): Promise<void> {
    await this.writer.update(this.resource, context, id, {
      action: 'deleted',
      expectedVersion,
      set: async (before, manager, now) => {
        if (before.isAdmin) await refuseLastAdmin(manager, id);
        return {
          isDeleted: true,
          deletedAt: now,
          sessionEpoch: before.sessionEpoch + 1,
          ...NO_PASSWORD_TOKEN,
        };
      },
    });
  }

  /** Restoring a user who is not deleted changes nothing. */
  async restore(context: WriteContext, id: number, expectedVersion?: VersionCondition): Promise<UserDto> {
    const user = await this.writer.update(this.resource, context, id, {
      action: 'restored',
      expectedVersion,
      includeDeleted: true,
      set: (before) => (before.isDeleted ? { isDeleted: false, deletedAt: null } : {}),
    });
    return UserDto.from(user);
  }

  /** Ends all sessions of the user at once, on every instance, and an invitation or reset that could start another. */
  async endSessions(context: WriteContext, id: number, expectedVersion?: VersionCondition): Promise<void> {
    await this.writer.update(this.resource, context, id, {
      action: 'signed_out',
      expectedVersion,
      set: (before) => ({ sessionEpoch: before.sessionEpoch + 1, ...NO_PASSWORD_TOKEN }),
    });
  }

  /** Includes deleted users, because their history tells who deleted them. */
  async listHistory(id: number, query: PageQuery): Promise<UserHistoryPageDto> {
    if (!(await this.table.find(id))) throw new Problem('user_not_found');
    const { data, page } = await this.history.list('user', id, query);
    return { data: data.map((entry) => UserHistoryEntryDto.from(entry)), page };
  }
}
