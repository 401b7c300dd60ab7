import { randomBytes } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { Clock } from '../../config/clock.js';
import { Secrets } from '../../config/secrets.js';
import { isDuplicate } from '../../database/database-errors.js';
import { deleteExpired, Housekeeping } from '../../database/housekeeping.js';
import { UsedToken } from './used-token.entity.js';

/** The encrypted content of a token. */
export interface OneTime<T> {
  id: string;
  expiresAt: number;
  content: T;
}

/**
 * Tokens that carry their content encrypted. Any instance can open them, and the database stores only the ids of used
 * ones, so an abandoned sign-in costs nothing.
 */
@Injectable()
export class OneTimeTokens {
  constructor(
    @InjectRepository(UsedToken) private readonly used: Repository<UsedToken>,
    private readonly secrets: Secrets,
    private readonly clock: Clock,
    housekeeping: Housekeeping,
  ) {
    housekeeping.hourly(() => deleteExpired(this.used, this.clock.now()));
  }

  issue<T>(purpose: 'login-state' | 'login-code', content: T, lifetimeMs: number): string {
    const expiresAt = this.clock.now().getTime() + lifetimeMs;
    return this.secrets.seal(
      purpose,
      JSON.stringify({ id: randomBytes(16).toString('base64url'), expiresAt, content }),
    );
  }

  /** Undefined if the token is not ours or has expired. It may be used already. */
  open<T>(purpose: 'login-state' | 'login-code', token: string): OneTime<T> | undefined {
    const text = this.secrets.open(purpose, token);
    const opened = text === undefined ? undefined : (JSON.parse(text) as OneTime<T>);
    return opened && opened.expiresAt > this.clock.now().getTime() ? opened : undefined;
  }

  /** False if it was used before, on any instance: the primary key accepts one insert. */
  async consume({ id, expiresAt }: OneTime<unknown>): Promise<boolean> {
    try {
      await this.used.insert({ id, expiresAt: new Date(expiresAt) });
      return true;
    } catch (error) {
      if (isDuplicate(error)) return false;
      throw error;
    }
  }
}
