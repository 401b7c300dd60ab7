import { Column, Entity, PrimaryColumn } from 'typeorm';

/** Field by field, what it was before and what it is after. */
export type Changes = Record<string, [before: unknown, after: unknown]>;

@Entity('history')
export class History {
  @PrimaryColumn('varchar', { length: 16 })
  resource: string;

  @PrimaryColumn('int', { name: 'resource_id' })
  resourceId: number;

  @PrimaryColumn('int')
  version: number;

  @Column('varchar', { length: 32 })
  action: string;

  @Column('int', { name: 'changed_by', nullable: true })
  by: number | null;

  @Column('datetime', { name: 'changed_at' })
  at: Date;

  @Column('varchar', { name: 'request_id', length: 64, nullable: true })
  requestId: string | null;

  @Column('json')
  changes: Changes;
}
