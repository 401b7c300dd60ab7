import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import {
  DataSource,
  type EntityManager,
  type FindOptionsWhere,
  In,
  IsNull,
  LessThan,
  MoreThan,
  Repository,
} from 'typeorm';
import { Clock } from '../config/clock.js';
import { padded } from '../database/batched-reads.js';
import { insertedId } from '../database/dialect.js';
import { DirectQueries } from '../database/direct-queries.js';
import { EntityTable } from '../database/entity-table.js';
import { deleteExpired, Housekeeping } from '../database/housekeeping.js';
import type { Client } from '../http/request-context.js';
import { Cursors } from '../lists/cursors.js';
import type { PageQuery } from '../lists/list.query.js';
import { Problem } from '../problems/problem.js';
import { RefreshTokens } from './refresh-tokens.js';
import { SessionDto, type SessionPageDto } from './session.dto.js';
import { Session } from './session.entity.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** A session ends when it is not refreshed for this long. */
export const IDLE_MS = 14 * DAY_MS;
/** A session ends after this time even if it is refreshed. */
export const ABSOLUTE_MS = 30 * DAY_MS;
/** More devices than a person has; a client that signs in for every call must not fill the table. */
export const MAX_SESSIONS = 100;
/** Sessions that one sign-in ends at most, if a user has many from before the limit. */
const MAX_ENDED = 1_000;
/** The previous refresh token gets the same successor for this long: two tabs may refresh at once, a response may be lost. */
export const GRACE_MS = 10_000;

/** Sessions and their refresh tokens. Tokens rotate, and reusing an old one ends the session (RFC 9700, 4.14.2). */
@Injectable()
export class SessionsService {
  private readonly table: EntityTable<Session>;

  constructor(
    @InjectRepository(Session) private readonly sessions: Repository<Session>,
    dataSource: DataSource,
    sql: DirectQueries,
    private readonly tokens: RefreshTokens,
    private readonly cursors: Cursors,
    private readonly clock: Clock,
    housekeeping: Housekeeping,
  ) {
    housekeeping.hourly(() => deleteExpired(this.sessions, this.clock.now()));
    this.table = new EntityTable(dataSource, sql, Session);
  }

  /** Ends the user's oldest sessions beyond `MAX_SESSIONS`. */
  async start(userId: number, epoch: number, { ipAddress, userAgent }: Client): Promise<Session> {
    const now = this.clock.now();
    const session = {
      userId,
      epoch,
      salt: randomBytes(16).toString('hex'),
      generation: 1,
      createdAt: now,
      rotatedAt: now,
      expiresAt: new Date(now.getTime() + ABSOLUTE_MS),
      endedAt: null,
      ipAddress,
      userAgent,
    };
    const insert = this.sessions.createQueryBuilder().insert().values(session).updateEntity(false);
    const id = insertedId(await insert.execute());
    await this.endSurplus(userId, epoch);
    return { ...session, id };
  }

  /** Read on every request, for the guard. The caller checks the epoch against the user. */
  async find(id: number): Promise<Session | undefined> {
    const session = await this.table.find(id);
    return session && this.isActive(session) ? session : undefined;
  }

  /** Makes the next refresh token the current one. The caller checks the epoch against the user. */
  async rotate(refreshToken: string): Promise<Session> {
    const claim = this.tokens.decode(refreshToken);
    const session = claim && (await this.sessions.findOneBy({ id: claim.sessionId }));
    if (!session || !this.tokens.verify(refreshToken, session) || !this.isActive(session))
      throw new Problem('invalid_refresh_token');

    const now = this.clock.now();
    const { id } = session;
    const { generation } = claim;
    const next = { generation: generation + 1, rotatedAt: now };
    const { affected } = await this.sessions.update({ id, generation, endedAt: IsNull() }, next);
    if (affected === 1) return { ...session, ...next };

    // The token was used before: by the same client a moment ago, or by a thief.
    const current = await this.sessions.findOneBy({ id, generation: generation + 1 });
    const isWithinGrace = current && now.getTime() - current.rotatedAt.getTime() <= GRACE_MS;
    if (isWithinGrace && this.isActive(current)) return current;
    await this.end(id);
    throw new Problem('invalid_refresh_token');
  }

  async end(id: number): Promise<void> {
    await this.sessions.update({ id, endedAt: IsNull() }, { endedAt: this.clock.now() });
  }

  /** Moves a session to its user's new epoch, so that it survives while all others end. */
  async moveToEpoch(manager: EntityManager, id: number, epoch: number): Promise<void> {
    await manager.update(Session, { id }, { epoch });
  }

  /** The active sessions, newest first. */
  async list(userId: number, epoch: number, current: number, query: PageQuery): Promise<SessionPageDto> {
    const { limit = 50, cursor } = query;
    const scope = `sessions of ${userId}`;
    const found = await this.sessions.find({
      where: {
        ...this.whereActive(userId, epoch),
        ...(cursor && { id: LessThan(this.cursors.open<number>(cursor, scope)) }),
      },
      order: { id: 'DESC' },
      take: limit + 1,
    });
    const toDto = (session: Session): SessionDto => SessionDto.from(session, current);
    return this.cursors.page(found, limit, scope, ({ id }) => id, toDto);
  }

  /** Ends one of the user's own sessions. */
  async endOwn(userId: number, epoch: number, id: number): Promise<void> {
    const { affected } = await this.sessions.update(
      { id, userId, epoch, endedAt: IsNull() },
      { endedAt: this.clock.now() },
    );
    if (affected !== 1) throw new Problem('session_not_found');
  }

  /** Seconds until the refresh token of this session expires. */
  refreshExpiresIn({ rotatedAt, expiresAt }: Session): number {
    const end = Math.min(rotatedAt.getTime() + IDLE_MS, expiresAt.getTime());
    return Math.floor((end - this.clock.now().getTime()) / 1000);
  }

  /**
   * After the insert, so that of concurrent sign-ins the last one sees all. The index leads to the sessions of this epoch
   * that have not been ended, newest first: a few hundred at most, however often the user signs in and out.
   */
  private async endSurplus(userId: number, epoch: number): Promise<void> {
    const surplus = await this.sessions.find({
      select: { id: true },
      where: this.whereActive(userId, epoch),
      order: { id: 'DESC' },
      skip: MAX_SESSIONS,
      take: MAX_ENDED,
    });
    if (surplus.length === 0) return;
    const ids = surplus.map(({ id }) => id).toSorted((a, b) => a - b);
    await this.sessions.update({ id: In(padded(ids)), endedAt: IsNull() }, { endedAt: this.clock.now() });
  }

  private whereActive(userId: number, epoch: number): FindOptionsWhere<Session> {
    const now = this.clock.now();
    return {
      userId,
      epoch,
      endedAt: IsNull(),
      expiresAt: MoreThan(now),
      rotatedAt: MoreThan(new Date(now.getTime() - IDLE_MS)),
    };
  }

  private isActive({ endedAt, expiresAt, rotatedAt }: Session): boolean {
    const now = this.clock.now().getTime();
    return endedAt === null && expiresAt.getTime() > now && rotatedAt.getTime() + IDLE_MS > now;
  }
}
