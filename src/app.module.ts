import { type DynamicModule, Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_PIPE } from '@nestjs/core';
import { AccessGuard } from './auth/access.guard.js';
import { AuthModule } from './auth/auth.module.js';
import { ChangesModule } from './changes/changes.module.js';
import type { Clock } from './config/clock.js';
import { ConfigModule } from './config/config.module.js';
import type { Env } from './config/env.js';
import { CustomersModule } from './customers/customers.module.js';
import { DatabaseModule } from './database/database.module.js';
import { entities, searchIndexes } from './entities.js';
import { HealthModule } from './health/health.module.js';
import { HttpModule } from './http/http.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { DeclaredMembersGuard } from './openapi/declared-members.guard.js';
import { OpenApiModule } from './openapi/openapi.module.js';
import { RequestErrorsFilter } from './openapi/request-errors.filter.js';
import { PhotosModule } from './photos/photos.module.js';
import { indexAllStaleRows } from './search/stale-rows.js';
import { StorageModule } from './storage/storage.module.js';
import { TransfersModule } from './transfers/transfers.module.js';
import { FirstAdmin } from './users/first-admin.js';
import { UsersModule } from './users/users.module.js';
import { RequestValidationPipe } from './validation/validation.pipe.js';

/** All modules of the service. */
@Module({})
export class AppModule {
  static of(env: Env, clock: Clock): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.of(env, clock),
        DatabaseModule.of(env, entities, (dataSource, report) => indexAllStaleRows(searchIndexes(dataSource), report)),
        MetricsModule,
        HttpModule,
        AuthModule,
        UsersModule,
        CustomersModule,
        ChangesModule,
        TransfersModule,
        PhotosModule,
        StorageModule,
        HealthModule,
        OpenApiModule,
      ],
      providers: [
        // here rather than in UsersModule: commands must not create an admin
        FirstAdmin,
        // in this order: a client without access learns nothing about the route's parameters
        { provide: APP_GUARD, useClass: AccessGuard },
        { provide: APP_GUARD, useClass: DeclaredMembersGuard },
        { provide: APP_PIPE, useClass: RequestValidationPipe },
        { provide: APP_FILTER, useClass: RequestErrorsFilter },
      ],
    };
  }
}
