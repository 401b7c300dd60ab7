import { Module } from '@nestjs/common';
import { Draining } from '../http/draining.js';
import { HealthController } from './health.controller.js';
import { HealthService } from './health.service.js';
import { LoadShedding } from '../http/load-shedding.js';

@Module({ controllers: [HealthController], providers: [HealthService, Draining, LoadShedding] })
export class HealthModule {}
