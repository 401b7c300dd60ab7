import type { KeyObject } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { Clock } from '../config/clock.js';
import { Secrets } from '../config/secrets.js';

export const ACCESS_TOKEN_S = 600;
const ISSUER = 'crm-service';
const TYPE = 'at+jwt';
const HEADER = { alg: 'HS256', typ: TYPE } as const;
const MAX_CACHED = 10_000;
/** Instances' clocks differ: what one has just issued may seem to another to live too long. */
const CLOCK_SKEW_S = 60;

/** Whose token it is. What they may do is read from the database at every request. */
export interface AccessClaims {
  userId: number;
  sessionId: number;
}

interface Verified extends AccessClaims {
  expiresAtS: number;
}

/**
 * Short-lived JWTs (RFC 9068 profile, HS256). By default `@nestjs/jwt` takes any HMAC, any audience, and tokens without
 * expiry; here everything that we do not issue ourselves is refused.
 */
@Injectable()
export class AccessTokens {
  /** Checking a signature costs more than reading the user; a token that was right stays so until it expires. */
  private readonly verified = new Map<string, Verified>();

  constructor(
    private readonly jwt: JwtService,
    private readonly secrets: Secrets,
    private readonly clock: Clock,
  ) {}

  issue({ userId, sessionId }: AccessClaims): string {
    const now = this.nowS();
    const claims = {
      sub: String(userId),
      sid: sessionId,
      iss: ISSUER,
      aud: ISSUER,
      iat: now,
      exp: now + ACCESS_TOKEN_S,
    };
    return this.jwt.sign(claims, {
      ...keyed(this.secrets.keys('access-token')[0]!),
      algorithm: 'HS256',
      header: HEADER,
    });
  }

  /** Undefined unless the token is one of ours and has not expired. */
  verify(token: string): AccessClaims | undefined {
    const now = this.nowS();
    let claims = this.verified.get(token);
    if (!claims) {
      claims = this.check(token, now);
      if (!claims) return undefined;
      if (this.verified.size === MAX_CACHED) this.verified.delete(this.verified.keys().next().value!);
      this.verified.set(token, claims);
    }
    if (claims.expiresAtS > now) return claims;
    this.verified.delete(token);
    return undefined;
  }

  private check(token: string, now: number): Verified | undefined {
    // no token of ours has more: longer ones are not worth the work
    if (token.length > 1024 || !hasOurHeader(token)) return undefined;
    for (const key of this.secrets.keys('access-token')) {
      try {
        const claims: unknown = this.jwt.verify(token, {
          ...keyed(key),
          algorithms: ['HS256'],
          issuer: ISSUER,
          audience: ISSUER,
          clockTimestamp: now,
        });
        return toVerified(claims as Record<string, unknown>, now);
      } catch {
        continue;
      }
    }
    return undefined;
  }

  private nowS(): number {
    return Math.floor(this.clock.now().getTime() / 1000);
  }
}

/** jsonwebtoken takes a KeyObject, and is fast only with one; the types of `@nestjs/jwt` do not know. */
const keyed = (key: KeyObject): { secret: Buffer } => ({ secret: key as unknown as Buffer });

/** Exactly the members that we write: `kid`, `jku`, `x5u`, `jwk` and `crit` have no business here. */
function hasOurHeader(token: string): boolean {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.split('.', 1)[0]!, 'base64url').toString());
    const { alg, typ, ...others } = header as Record<string, unknown>;
    return alg === HEADER.alg && typ === TYPE && Object.keys(others).length === 0;
  } catch {
    return false;
  }
}

/** jsonwebtoken checks `exp` only if it is there, and any number would do. */
function toVerified({ sub, sid, exp, aud }: Record<string, unknown>, now: number): Verified | undefined {
  const userId = typeof sub === 'string' && /^[1-9]\d{0,9}$/.test(sub) ? Number(sub) : undefined;
  if (userId === undefined || typeof sid !== 'number' || aud !== ISSUER) return undefined;
  if (!Number.isSafeInteger(exp) || (exp as number) > now + ACCESS_TOKEN_S + CLOCK_SKEW_S) return undefined;
  return { userId, sessionId: sid, expiresAtS: exp as number };
}
