import { Controller, Get, Param } from '@nestjs/common';
import { Access, ApiProblems } from '../http/route-decorators.js';
import { Problem, type ProblemCode, PROBLEMS } from '../problems/catalog.js';
import { ProblemTypeDto } from '../problems/problem.dto.js';
import { NAME, VERSION } from '../config/version.js';
import { HealthService } from './health.service.js';
import { HealthDto, ServiceDto } from './health.dto.js';

/** What the service says of itself. */
@Controller()
export class HealthController {
  constructor(private readonly health: HealthService) {}

  /** What this is */
  @Get()
  @Access('public')
  describe(): ServiceDto {
    return { name: NAME, version: VERSION, docs: '/docs' };
  }

  /** Whether the process lives; the database is not asked */
  @Get('livez')
  @Access('public')
  live(): HealthDto {
    return { status: 'ok' };
  }

  /** Whether requests can be served: the database answers, is migrated, and the instance is not about to end */
  @Get('readyz')
  @Access('public')
  @ApiProblems('database_unavailable', 'migrations_pending', 'shutting_down')
  ready(): Promise<HealthDto> {
    return this.health.check();
  }

  /** The documentation of a problem code, where `type` of a problem document leads */
  @Get('problems/:code')
  @Access('public')
  @ApiProblems('not_found')
  problem(@Param('code') code: string): ProblemTypeDto {
    if (!Object.hasOwn(PROBLEMS, code)) throw new Problem('not_found');
    const { status, title, description } = PROBLEMS[code as ProblemCode];
    return { code, status, title, description };
  }
}
