import { Injectable } from '@nestjs/common';
import { JwtService } from '@nestjs/jwt';
import { Clock } from '../config/clock.js';
import { Secrets } from '../config/secrets.js';

export const ACCESS_TOKEN_S = 600;
const ISSUER = 'crm-service';
const HEADER = { alg: 'HS256', typ: 'at+jwt' } as const;
/** The tokens we issue are shorter; longer ones are not worth the work. */
const MAX_LENGTH = 1024;
const MAX_CACHED = 10_000;
/** The clocks of instances differ: a new token of another instance may seem to live too long. */
const CLOCK_SKEW_S = 60;

/** The session of a token. Its permissions are read from the database on every request. */
export interface AccessClaims {
  userId: number;
  sessionId: number;
}

interface VerifiedClaims extends AccessClaims {
  expiresAtS: number;
}

/** A verified token, as jsonwebtoken returns it with `complete: true`. */
interface CompleteToken {
  header: Record<string, unknown>;
  payload: Record<string, unknown>;
}

/**
 * Short-lived JWTs (RFC 9068 profile, HS256). By default `@nestjs/jwt` accepts any HMAC, any audience and tokens without
 * expiry; here every token that we do not issue ourselves is refused.
 */
@Injectable()
export class AccessTokens {
  /** One for each secret, the newest first: it signs, and all of them verify. */
  private readonly services: JwtService[];
  /** Verifying a signature costs more than reading the user; a verified token stays valid until it expires. */
  private readonly verified = new Map<string, VerifiedClaims>();

  constructor(
    secrets: Secrets,
    private readonly clock: Clock,
  ) {
    this.services = secrets.keys('access-token').map(
      (secret) =>
        new JwtService({
          secret,
          signOptions: {
            algorithm: HEADER.alg,
            header: HEADER,
            issuer: ISSUER,
            audience: ISSUER,
            expiresIn: ACCESS_TOKEN_S,
          },
          verifyOptions: { algorithms: [HEADER.alg], issuer: ISSUER, audience: ISSUER, complete: true },
        }),
    );
  }

  issue({ userId, sessionId }: AccessClaims): string {
    return this.services[0]!.sign({ sid: sessionId, iat: this.nowS() }, { subject: String(userId) });
  }

  /** Undefined unless the token is one of ours and has not expired. */
  verify(token: string): AccessClaims | undefined {
    const now = this.nowS();
    let claims = this.verified.get(token);
    if (!claims) {
      claims = this.verifySignature(token, now);
      if (!claims) return undefined;
      if (this.verified.size === MAX_CACHED) this.verified.delete(this.verified.keys().next().value!);
      this.verified.set(token, claims);
    }
    if (claims.expiresAtS > now) return claims;
    this.verified.delete(token);
    return undefined;
  }

  private verifySignature(token: string, now: number): VerifiedClaims | undefined {
    if (token.length > MAX_LENGTH) return undefined;
    for (const service of this.services) {
      try {
        const { header, payload } = service.verify<CompleteToken>(token, { clockTimestamp: now });
        return isOurHeader(header) ? toVerifiedClaims(payload, now) : undefined;
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

/** Exactly the members that we write: others, such as `kid`, `jku`, `x5u`, `jwk` or `crit`, are refused. */
function isOurHeader({ alg, typ, ...others }: Record<string, unknown>): boolean {
  return alg === HEADER.alg && typ === HEADER.typ && Object.keys(others).length === 0;
}

/** jsonwebtoken checks `exp` only if it is present, accepts any number there, and accepts a list in `aud`. */
function toVerifiedClaims({ sub, sid, exp, aud }: Record<string, unknown>, now: number): VerifiedClaims | undefined {
  const userId = typeof sub === 'string' && /^[1-9]\d{0,9}$/.test(sub) ? Number(sub) : undefined;
  if (userId === undefined || typeof sid !== 'number' || aud !== ISSUER) return undefined;
  if (!Number.isSafeInteger(exp) || (exp as number) > now + ACCESS_TOKEN_S + CLOCK_SKEW_S) return undefined;
  return { userId, sessionId: sid, expiresAtS: exp as number };
}
