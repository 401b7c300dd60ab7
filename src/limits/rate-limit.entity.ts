import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A counter that all instances share. The name contains a keyed hash, never an e-mail or an address. */
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
