import type { MigrationInterface, QueryRunner } from 'typeorm';
import { addColumns, BINARY, createIndex, dropColumns, dropIndex, isSqlite } from './ddl.js';

/** Photos that the service stored itself; `photo_url` stays for those of the Flask service. */
export class Photos1700000000016 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const sqlite = isSqlite(runner);
    await addColumns(runner, 'customers', {
      photo_key: `varchar(80) ${sqlite ? '' : BINARY} NULL`,
      photo_width: `${sqlite ? 'integer' : 'int'} NULL`,
      photo_height: `${sqlite ? 'integer' : 'int'} NULL`,
    });
    await createIndex(runner, 'customers', 'uq_customers_photo_key', 'photo_key', 'UNIQUE');
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndex(runner, 'customers', 'uq_customers_photo_key');
    await dropColumns(runner, 'customers', ['photo_key', 'photo_width', 'photo_height']);
  }
}
