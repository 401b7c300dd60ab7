import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

@Entity('idempotency_records')
@Index('ix_idempotency_records_expires_at', ['expiresAt'])
@Index('ix_idempotency_records_resource', ['resource', 'resourceId'])
@Index('ix_idempotency_records_related', ['resource', 'relatedId'])
export class IdempotencyRecord {
  @PrimaryColumn('int', { name: 'user_id' })
  userId: number;

  @PrimaryColumn('varchar', { name: 'key_hash', length: 64 })
  keyHash: string;

  /** A keyed hash of method, path and body: the same key with another request is a client error. */
  @Column('varchar', { name: 'request_hash', length: 64 })
  requestHash: string;

  /**
   * Encrypted: it may contain an invitation, of which the database otherwise stores only the hash. Null once a row that
   * it is about was erased.
   */
  @Column('text', { nullable: true })
  answer: string | null;

  /** The row that the answer is about; null until there is an answer, and in records of version 0.1. */
  @Column('varchar', { length: 16, nullable: true })
  resource: string | null;

  @Column('int', { name: 'resource_id', nullable: true })
  resourceId: number | null;

  /** Another row of the same resource whose fields the answer contains. */
  @Column('int', { name: 'related_id', nullable: true })
  relatedId: number | null;

  @Column('datetime', { name: 'expires_at' })
  expiresAt: Date;
}
