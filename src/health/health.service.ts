import { Injectable } from '@nestjs/common';
import { Problem } from '../common/errors.js';
import { Sql } from '../database/sql.js';
import type { HealthDto } from './health.dto.js';

@Injectable()
export class HealthService {
  constructor(private readonly sql: Sql) {}

  async check(): Promise<HealthDto> {
    try {
      await this.sql.rows('SELECT 1', []);
    } catch {
      throw new Problem('database_unavailable');
    }
    return { status: 'ok' };
  }
}
