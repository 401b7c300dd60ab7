import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A count that all instances share. Whose it is stands there as a keyed hash. */
@Entity('rate_limits')
@Index('ix_rate_limits_expires_at', ['expiresAt'])
export class RateLimit {
  @PrimaryColumn('varchar', { length: 64 })
  name: string;

  @Column('int')
  points: number;

  @Column('datetime', { name: 'expires_at' })
  expiresAt: Date;
}
