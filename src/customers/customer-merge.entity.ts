import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A merge of two customers. It stays after the merge is undone: both histories still contain it. */
@Entity('customer_merges')
@Index('ix_customer_merges_into_id', ['intoId'])
export class CustomerMerge {
  /** The customer that was deleted. */
  @PrimaryColumn('int', { name: 'from_id' })
  fromId: number;

  /** The version of it that the merge created. */
  @PrimaryColumn('int', { name: 'from_version' })
  fromVersion: number;

  /** The customer that stayed. */
  @Column('int', { name: 'into_id' })
  intoId: number;

  /** The version of it that the merge created. */
  @Column('int', { name: 'into_version' })
  intoVersion: number;
}
