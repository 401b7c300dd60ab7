import { Controller, Get } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { HealthDto } from './health.dto.js';
import { HealthService } from './health.service.js';

/** Asked by load balancers and platforms, above all when the service is overloaded: never shed. */
@Controller()
export class HealthController {
  constructor(private readonly health: HealthService) {}

  /** Whether the process is alive; does not ask the database */
  @Get('livez')
  @Access('public')
  @RouteConfig({ countsAsLoad: false })
  live(): HealthDto {
    return { status: 'ok' };
  }

  /** Whether requests can be served: the database answers and is migrated, and the instance is not shutting down */
  @Get('readyz')
  @Access('public')
  @RouteConfig({ countsAsLoad: false })
  @ApiProblems('database_unavailable', 'migrations_pending', 'shutting_down')
  ready(): Promise<HealthDto> {
    return this.health.check();
  }
}
