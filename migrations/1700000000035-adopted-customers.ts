import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Gives the customers of the Flask service a first history entry, so that the changes feed contains every customer. It has
 * no state, as no change is known: the fields of that version are derived from those of today.
 */
export class AdoptedCustomers1700000000035 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      INSERT INTO history (resource, resource_id, version, action, changed_by, changed_at, changes)
      SELECT 'customer', id, version, 'adopted', last_modified_by, last_modified_at, '{}' FROM customers
      WHERE NOT EXISTS (SELECT 1 FROM history WHERE resource = 'customer' AND resource_id = customers.id)`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`DELETE FROM history WHERE resource = 'customer' AND action = 'adopted'`);
  }
}
