import { createHash, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { Client } from '../../http/request-context.js';
import { Problem } from '../../problems/problem.js';
import { IdentitiesService, type ProviderAccount } from '../../users/identities.service.js';
import type { User } from '../../users/user.entity.js';
import { UsersService } from '../../users/users.service.js';
import { AuthService } from '../auth.service.js';
import type { TokensDto } from '../login.dto.js';
import type { LoginState } from './login-states.js';
import type { ExchangeCodeDto } from './oauth.dto.js';
import { OneTimeTokens } from './one-time-tokens.js';

const CODE_MS = 60_000;

interface LoginCode {
  userId: number;
  epoch: number;
  codeChallenge?: string;
}

/** What becomes of somebody whom a provider has signed in. */
@Injectable()
export class OAuthService {
  constructor(
    private readonly auth: AuthService,
    private readonly users: UsersService,
    private readonly identities: IdentitiesService,
    private readonly tokens: OneTimeTokens,
  ) {}

  /** Tokens, or the address of a frontend with a one-time code for them. */
  async complete(account: ProviderAccount, state: LoginState, client: Client): Promise<TokensDto | string> {
    const user = await this.userOf(account, state, client);
    const { returnTo, codeChallenge } = state;
    if (returnTo === undefined) return this.auth.startSession(user, client);
    const code: LoginCode = { userId: user.id, epoch: user.sessionEpoch, codeChallenge };
    return withParameter(returnTo, 'code', this.tokens.issue('login-code', code, CODE_MS));
  }

  async exchange({ code, codeVerifier }: ExchangeCodeDto, client: Client): Promise<TokensDto> {
    const opened = this.tokens.open<LoginCode>('login-code', code);
    const isOwner = opened && isVerifierOf(opened.content.codeChallenge, codeVerifier ?? undefined);
    const user = isOwner && (await this.users.find(opened.content.userId));
    if (!user || user.sessionEpoch !== opened.content.epoch || !(await this.tokens.consume(opened)))
      throw new Problem('invalid_login_code');
    return this.auth.startSession(user, client);
  }

  private async userOf(account: ProviderAccount, { link }: LoginState, { requestId }: Client): Promise<User> {
    if (link) {
      // whoever has signed out since then is not the one who wanted it
      if (!(await this.auth.callerFor(link))) throw new Problem('invalid_login_state');
      return this.identities.link({ actorId: link.userId, requestId }, link.userId, account);
    }
    const user = await this.identities.userOf(account, requestId);
    if (!user) throw new Problem('not_registered');
    return user;
  }
}

/** RFC 7636, 4.6. A verifier where none was announced is refused as well: it is somebody else's code. */
function isVerifierOf(challenge: string | undefined, verifier: string | undefined): boolean {
  if (challenge === undefined || verifier === undefined) return challenge === verifier;
  const hash = createHash('sha256').update(verifier).digest('base64url');
  return timingSafeEqual(Buffer.from(hash), Buffer.from(challenge));
}

export function withParameter(address: string, name: 'code' | 'error', value: string): string {
  const url = new URL(address);
  // whoever made the address might have put the other there
  for (const outcome of ['code', 'error']) url.searchParams.delete(outcome);
  url.searchParams.set(name, value);
  return url.href;
}
