import { Column, Entity, Index, PrimaryColumn } from 'typeorm';

/** A used one-time token. The row is kept until the token expires. */
@Entity('spent_tokens')
@Index('ix_spent_tokens_expires_at', ['expiresAt'])
export class UsedToken {
  @PrimaryColumn('varchar', { length: 64 })
  id: string;

  @Column('datetime', { name: 'expires_at' })
  expiresAt: Date;
}
