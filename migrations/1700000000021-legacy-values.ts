import type { MigrationInterface, QueryRunner } from 'typeorm';
import { repairLegacyValues } from './legacy-values.js';

/** For databases that an earlier release has adopted; now they are repaired before the first migration. */
export class LegacyValues1700000000021 implements MigrationInterface {
  up(runner: QueryRunner): Promise<void> {
    return repairLegacyValues(runner);
  }

  /** Stays: no program needs a date that does not exist. */
  async down(): Promise<void> {}
}
