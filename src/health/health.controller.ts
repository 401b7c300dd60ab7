import { Controller, Get } from '@nestjs/common';
import { RouteConfig } from '@nestjs/platform-fastify';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { HealthDto } from './health.dto.js';
import { HealthService } from './health.service.js';

/** Health checks for load balancers and platforms. They matter most under overload, so they are never shed. */
@Controller()
export class HealthController {
  constructor(private readonly health: HealthService) {}

  /**
   * Check liveness
   *
   * Whether the process responds; does not query the database.
   */
  @Get('livez')
  @Access('public')
  @RouteConfig({ countsAsLoad: false })
  getLiveness(): HealthDto {
    return { status: 'ok' };
  }

  /**
   * Check readiness
   *
   * Whether the database responds and is migrated, and the instance is not shutting down.
   */
  @Get('readyz')
  @Access('public')
  @RouteConfig({ countsAsLoad: false })
  @ApiProblems('database_unavailable', 'migrations_pending', 'shutting_down')
  getReadiness(): Promise<HealthDto> {
    return this.health.check();
  }
}
