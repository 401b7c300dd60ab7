import { type DynamicModule, Global, Module } from '@nestjs/common';
import { Clock } from './clock.js';
import { Env } from './env.js';
import { Secrets } from './secrets.js';

/** Provides the environment, the keys derived from it, and the clock. */
@Global()
@Module({})
export class ConfigModule {
  static of(env: Env, clock: Clock): DynamicModule {
    return {
      module: ConfigModule,
      providers: [{ provide: Env, useValue: env }, { provide: Clock, useValue: clock }, Secrets],
      exports: [Env, Secrets, Clock],
    };
  }
}
