import { ProblemError } from './problem-error.js';
import type { Send } from './retry.js';
import type { components } from './schema.js';

export type Tokens = components['schemas']['Tokens'];

type UsedTokens = Pick<Tokens, 'accessToken' | 'refreshToken'>;

/** Where tokens are kept. In memory by default: a page that is reloaded has to sign in again, and no script can steal them later. */
export interface TokenStore {
  load(): UsedTokens | undefined;
  /** Undefined: signed out, or the session has ended. */
  save(tokens: Tokens | undefined): void;
}

/** Sends the access token, and refreshes it when it has expired. */
export class Session {
  private tokens: UsedTokens | undefined;
  private refreshing: Promise<void> | undefined;

  constructor(
    private readonly refreshTokens: (refreshToken: string) => Promise<Tokens>,
    private readonly store: TokenStore | undefined,
  ) {
    this.tokens = store?.load();
  }

  get isSignedIn(): boolean {
    return this.tokens !== undefined;
  }

  set(tokens: Tokens | undefined): void {
    this.tokens = tokens;
    this.store?.save(tokens);
  }

  /** If the access token has expired, refreshes it and sends the request again. */
  async send(send: Send, request: Request): Promise<Response> {
    const { tokens } = this;
    if (!tokens) return send(request);
    const copy = request.clone();
    const response = await send(withToken(request, tokens));
    if (response.status !== 401) return response;
    await this.refresh(tokens);
    return this.tokens ? send(withToken(copy, this.tokens)) : response;
  }

  /** For a body that can be sent only once. */
  authorize(request: Request): Request {
    return this.tokens ? withToken(request, this.tokens) : request;
  }

  /** Concurrent requests share one refresh: a refresh token is for single use, and using it again later ends the session. */
  private async refresh(expired: UsedTokens): Promise<void> {
    if (this.tokens !== expired) return;
    this.refreshing ??= this.refreshTokens(expired.refreshToken)
      .then((tokens) => {
        // not if someone signed out meanwhile
        if (this.tokens === expired) this.set(tokens);
      })
      .catch((error: unknown) => {
        // after other errors, such as a lost network, the session goes on later
        if (error instanceof ProblemError && error.status === 401) this.set(undefined);
        throw error;
      })
      .finally(() => (this.refreshing = undefined));
    return this.refreshing;
  }
}

function withToken(request: Request, { accessToken }: UsedTokens): Request {
  request.headers.set('authorization', `Bearer ${accessToken}`);
  return request;
}
