import { Injectable } from '@nestjs/common';
import { Clock } from '../config/clock.js';
import type { Caller, Client } from '../http/request-context.js';
import type { PageQuery } from '../lists/list.query.js';
import { Problem } from '../problems/problem.js';
import { normalizeEmail } from '../text/email.js';
import { CredentialsService } from '../users/credentials.service.js';
import { type ChangePasswordDto, roleOf } from '../users/user.dto.js';
import type { User } from '../users/user.entity.js';
import { UsersService } from '../users/users.service.js';
import type { VersionCondition } from '../writes/version-condition.js';
import type { WriteContext } from '../writes/write-context.js';
import { ACCESS_TOKEN_S, type AccessClaims, AccessTokens } from './access-tokens.js';
import type { LoginDto, TokensDto } from './login.dto.js';
import { RefreshTokens } from './refresh-tokens.js';
import type { SessionPageDto } from './session.dto.js';
import type { Session } from './session.entity.js';
import { SessionsService } from './sessions.service.js';
import { SignInLimits } from './sign-in-limits.js';

/** A refusal takes at least this long, so that its duration does not reveal which kind of hash was checked, if any. */
const MIN_REFUSAL_MS = 250;

/** So that a stolen access token, which lives for 10 minutes, cannot be turned into a lasting way to sign in. */
const RECENT_SIGN_IN_MS = 5 * 60 * 1000;

/** Authentication: password to session, token to caller. */
@Injectable()
export class AuthService {
  constructor(
    private readonly users: UsersService,
    private readonly credentials: CredentialsService,
    private readonly sessions: SessionsService,
    private readonly accessTokens: AccessTokens,
    private readonly refreshTokens: RefreshTokens,
    private readonly limits: SignInLimits,
    private readonly clock: Clock,
  ) {}

  async signIn({ email, password }: LoginDto, client: Client): Promise<TokensDto> {
    const minDuration = this.clock.wait(MIN_REFUSAL_MS);
    const user = await this.limits.attempt({ email: normalizeEmail(email) }, client.ipAddress, () =>
      this.credentials.verify(email, password),
    );
    if (!user) {
      await minDuration;
      throw new Problem('invalid_credentials');
    }
    return this.startSession(user, client);
  }

  async startSession({ id, sessionEpoch }: User, client: Client): Promise<TokensDto> {
    return this.createTokens(await this.sessions.start(id, sessionEpoch, client));
  }

  async refresh(refreshToken: string): Promise<TokensDto> {
    const session = await this.sessions.rotate(refreshToken);
    const user = await this.users.find(session.userId);
    if (user?.sessionEpoch !== session.epoch) throw new Problem('invalid_refresh_token');
    return this.createTokens(session);
  }

  async authenticate(accessToken: string): Promise<Caller | undefined> {
    const claims = this.accessTokens.verify(accessToken);
    return claims && this.findCaller(claims);
  }

  /** Undefined unless user and session exist now: both are read from the database, never trusted from a token. */
  async findCaller({ userId, sessionId }: AccessClaims): Promise<Caller | undefined> {
    const [user, session] = await Promise.all([this.users.find(userId), this.sessions.find(sessionId)]);
    if (!user || session?.userId !== user.id || session.epoch !== user.sessionEpoch) return undefined;
    return { userId: user.id, sessionId: session.id, role: roleOf(user) };
  }

  signOut({ sessionId }: Caller): Promise<void> {
    return this.sessions.end(sessionId);
  }

  redeem(requestId: string, token: string, newPassword: string): Promise<void> {
    return this.credentials.redeem(requestId, token, newPassword);
  }

  /** All other sessions end. The sign-in limits apply, so that a stolen session cannot be used to guess the password. */
  async changePassword(
    context: WriteContext,
    { userId, sessionId }: Caller,
    client: Client,
    passwords: ChangePasswordDto,
    expectedVersion?: VersionCondition,
  ): Promise<void> {
    const isChanged = await this.limits.attempt({ userId }, client.ipAddress, () =>
      this.credentials.change(context, userId, passwords, {
        expectedVersion,
        afterUpdate: ({ sessionEpoch }, manager) => this.sessions.moveToEpoch(manager, sessionId, sessionEpoch),
      }),
    );
    if (!isChanged) throw new Problem('wrong_password');
  }

  /**
   * Throws `reauthentication_required` unless the password is right or, without one, the session was started a moment ago
   * by a sign-in; refreshing does not count. The sign-in limits apply to the password.
   */
  async reauthenticate({ userId, sessionId }: Caller, { ipAddress }: Client, password?: string): Promise<void> {
    const user = await this.users.find(userId);
    const isProven =
      password !== undefined && user?.passwordHash
        ? await this.limits.attempt({ userId }, ipAddress, () => this.credentials.verifyOwn(userId, password))
        : await this.hasRecentSignIn(sessionId);
    if (!isProven) throw new Problem('reauthentication_required');
  }

  async listSessions({ userId, sessionId }: Caller, query: PageQuery): Promise<SessionPageDto> {
    return this.sessions.list(userId, await this.getEpoch(userId), sessionId, query);
  }

  async endSession({ userId }: Caller, id: number): Promise<void> {
    await this.sessions.endOwn(userId, await this.getEpoch(userId), id);
  }

  private async hasRecentSignIn(sessionId: number): Promise<boolean> {
    const session = await this.sessions.find(sessionId);
    return session !== undefined && this.clock.now().getTime() - session.createdAt.getTime() <= RECENT_SIGN_IN_MS;
  }

  private async getEpoch(userId: number): Promise<number> {
    const user = await this.users.find(userId);
    if (!user) throw new Problem('unauthenticated');
    return user.sessionEpoch;
  }

  private createTokens(session: Session): TokensDto {
    return {
      accessToken: this.accessTokens.issue({ userId: session.userId, sessionId: session.id }),
      tokenType: 'Bearer',
      expiresIn: ACCESS_TOKEN_S,
      refreshToken: this.refreshTokens.issue(session),
      refreshExpiresIn: this.sessions.refreshExpiresIn(session),
    };
  }
}
