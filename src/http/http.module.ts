import { Global, Module } from '@nestjs/common';
import { Draining } from './draining.js';
import { LoadShedding } from './load-shedding.js';

/** `app.setup.ts` registers their hooks, in its one visible order. */
@Global()
@Module({ providers: [Draining, LoadShedding], exports: [Draining, LoadShedding] })
export class HttpModule {}
