import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Problem } from '../../problems/problem.js';
import type { Provider } from '../../users/identity.entity.js';
import type { StateStore } from './login-provider.js';
import type { StartLoginQuery } from './oauth.dto.js';
import { type OneTime, OneTimeTokens } from './one-time-tokens.js';

export const STATE_LIFETIME_S = 10 * 60;

/** What the callback needs to know about the start of the sign-in. */
export interface LoginState extends StartLoginQuery {
  provider: Provider;
  nonce: string;
  verifier: string;
  browserHash: string;
  /** The session that links the account, instead of signing in with it. */
  link?: { userId: number; sessionId: number };
}

/**
 * The OAuth `state` parameter (RFC 9700, 4.7). It carries the login state encrypted, so nothing is stored at the start.
 * It is valid for ten minutes, once, and only in the browser whose cookie it was issued for.
 */
@Injectable()
export class LoginStates {
  constructor(private readonly tokens: OneTimeTokens) {}

  /** The store for a start: issues the state. */
  createIssuingStore(content: Omit<LoginState, 'nonce' | 'verifier' | 'browserHash'>, browserId: string): StateStore {
    const nonce = randomBytes(16).toString('base64url');
    return {
      nonce,
      store: (_request, verifier, _state, _meta, done) => {
        const state: LoginState = { ...content, nonce, verifier, browserHash: sha256(browserId) };
        done(null, this.tokens.issue('login-state', state, STATE_LIFETIME_S * 1000));
      },
      verify: (_request, _state, _meta, done) => done(new Problem('invalid_login_state')),
    };
  }

  /** The store for a callback: verifies the state and consumes it. */
  createVerifyingStore(provider: Provider, browserId: string | undefined): StateStore {
    const store: StateStore = {
      nonce: '',
      store: (_request, _verifier, _state, _meta, done) => done(new Problem('invalid_login_state')),
      verify: (_request, token, _meta, done) => {
        void this.consume(token, provider, browserId)
          .then((state) => {
            store.nonce = state.nonce;
            done(null, state.verifier, state);
          })
          .catch(done);
      },
    };
    return store;
  }

  /** Undefined unless the state was issued for this provider and browser. It may be used already. */
  verify(token: unknown, provider: Provider, browserId: string | undefined): OneTime<LoginState> | undefined {
    const opened = typeof token === 'string' ? this.tokens.open<LoginState>('login-state', token) : undefined;
    if (!opened || !browserId || opened.content.provider !== provider) return undefined;
    const isSameBrowser = timingSafeEqual(Buffer.from(sha256(browserId)), Buffer.from(opened.content.browserHash));
    return isSameBrowser ? opened : undefined;
  }

  private async consume(token: unknown, provider: Provider, browserId: string | undefined): Promise<LoginState> {
    const opened = this.verify(token, provider, browserId);
    if (!opened || !(await this.tokens.consume(opened))) throw new Problem('invalid_login_state');
    return opened.content;
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url');
