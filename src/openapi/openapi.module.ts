import { Module } from '@nestjs/common';
import { ProblemsController } from './problems.controller.js';
import { ServiceInfoController } from './service-info.controller.js';

/** The routes by which the API describes itself; `/docs` and `/openapi.json` are set up in `app.setup.ts`. */
@Module({ controllers: [ServiceInfoController, ProblemsController] })
export class OpenApiModule {}
