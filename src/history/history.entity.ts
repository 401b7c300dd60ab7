import { Column, Entity, Index, PrimaryColumn } from 'typeorm';
import type { Action } from './actions.js';

/** Field by field, the value before and after a change. */
export type Changes = Record<string, [before: unknown, after: unknown]>;

/** One version of a customer or user. */
@Entity('history')
@Index('uq_history_resource_sequence', ['resource', 'sequence'], { unique: true })
@Index('ix_history_changed_at', ['resource', 'resourceId', 'at', 'version'])
export class History {
  @PrimaryColumn('varchar', { length: 16 })
  resource: string;

  @PrimaryColumn('int', { name: 'resource_id' })
  resourceId: number;

  @PrimaryColumn('int')
  version: number;

  @Column('varchar', { length: 32 })
  action: Action;

  @Column('int', { name: 'changed_by', nullable: true })
  by: number | null;

  @Column('datetime', { name: 'changed_at' })
  at: Date;

  @Column('varchar', { name: 'request_id', length: 64, nullable: true })
  requestId: string | null;

  @Column('json')
  changes: Changes;

  /** All fields after the change; null in entries of version 0.1, and of what was erased. */
  @Column('json', { nullable: true })
  state: Record<string, unknown> | null;

  /** The position in the order of commits; null until `HistorySequence` assigns it. */
  @Column('int', { nullable: true })
  sequence: number | null;
}
