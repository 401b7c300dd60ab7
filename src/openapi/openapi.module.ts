import { Module } from '@nestjs/common';
import { ProblemsController } from './problems.controller.js';
import { ServiceInfoController } from './service-info.controller.js';

/** Routes that describe the API. `docs.ts` adds `/docs` and `/openapi.json`. */
@Module({ controllers: [ServiceInfoController, ProblemsController] })
export class OpenApiModule {}
