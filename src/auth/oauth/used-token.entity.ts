import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A one-time token that has been used; kept until it would have expired. */
@Entity('spent_tokens')
@Index('ix_spent_tokens_expires_at', ['expiresAt'])
export class UsedToken {
  @PrimaryColumn('varchar', { length: 64 })
  id: string;

  @Column('datetime', { name: 'expires_at' })
  expiresAt: Date;
}
