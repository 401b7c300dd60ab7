import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Problem } from '../../problems/problem.js';
import type { Provider } from '../../users/identity.entity.js';
import type { StateStore } from './login-provider.js';
import type { StartLoginQuery } from './oauth.dto.js';
import { type OneTime, OneTimeTokens } from './one-time-tokens.js';

const LIFETIME_S = 10 * 60;

/** What the callback has to know of the start, sealed into `state`; the cookie binds it to the browser. */
export interface LoginState extends StartLoginQuery {
  provider: Provider;
  nonce: string;
  verifier: string;
  browserHash: string;
  /** Whose account it is to be linked to, rather than signed in with. */
  link?: { userId: number; sessionId: number };
}

/**
 * The way from a start to its callback, without anything stored in between (RFC 9700, 4.7): `state` carries it, sealed,
 * and counts only in the browser that has the cookie, for ten minutes, once.
 */
@Injectable()
export class LoginStates {
  constructor(private readonly tokens: OneTimeTokens) {}

  /** For the start of a sign-in, whose answer gets the cookie. */
  starting(
    request: FastifyRequest,
    reply: FastifyReply,
    content: Omit<LoginState, 'nonce' | 'verifier' | 'browserHash'>,
  ): StateStore {
    const nonce = randomBytes(16).toString('base64url');
    // two tabs of a browser may sign in at once: they share it
    const browser = browserOf(request) ?? randomBytes(16).toString('base64url');
    const secure = isSecure(request) ? '; Secure' : '';
    void reply.header(
      'Set-Cookie',
      `${cookieName(request)}=${browser}; Path=/; Max-Age=${LIFETIME_S}; HttpOnly; SameSite=Lax${secure}`,
    );
    return {
      nonce,
      store: (_request, verifier, _state, _meta, done) => {
        const state: LoginState = { ...content, nonce, verifier, browserHash: hash(browser) };
        done(null, this.tokens.issue('login-state', state, LIFETIME_S * 1000));
      },
      verify: (_request, _state, _meta, done) => done(new Problem('invalid_login_state')),
    };
  }

  /** For the callback. */
  returning(request: FastifyRequest, provider: Provider): StateStore {
    const returning: StateStore = {
      nonce: '',
      store: (_request, _verifier, _state, _meta, done) => done(new Problem('invalid_login_state')),
      verify: (_request, _state, _meta, done) => {
        void this.consume(request, provider)
          .then((state) => {
            returning.nonce = state.nonce;
            done(null, state.verifier, state);
          })
          .catch(done);
      },
    };
    return returning;
  }

  /** The state that this request brings back, if it belongs to it; it may have been used. */
  verify(request: FastifyRequest, provider: Provider): OneTime<LoginState> | undefined {
    const { state } = request.query as { state?: unknown };
    const opened = typeof state === 'string' ? this.tokens.open<LoginState>('login-state', state) : undefined;
    const browser = browserOf(request);
    if (!opened || !browser || opened.content.provider !== provider) return undefined;
    return timingSafeEqual(Buffer.from(hash(browser)), Buffer.from(opened.content.browserHash)) ? opened : undefined;
  }

  private async consume(request: FastifyRequest, provider: Provider): Promise<LoginState> {
    const opened = this.verify(request, provider);
    if (!opened || !(await this.tokens.consume(opened))) throw new Problem('invalid_login_state');
    return opened.content;
  }
}

const isSecure = (request: FastifyRequest): boolean => request.publicOrigin.startsWith('https:');

/** RFC 6265bis, 4.1.3.2: nobody but this very host can set a cookie of this name, and never without TLS. */
const cookieName = (request: FastifyRequest): string => (isSecure(request) ? '__Host-login' : 'login');

function browserOf(request: FastifyRequest): string | undefined {
  const cookie = new RegExp(`(?:^|; )${cookieName(request)}=([\\w-]{22})(?:;|$)`).exec(request.headers.cookie ?? '');
  return cookie?.[1];
}

const hash = (text: string): string => createHash('sha256').update(text).digest('base64url');
