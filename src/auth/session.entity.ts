import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A signed-in client. A row cannot be turned into a token: tokens are signed with a key that is not in the database. */
@Entity('sessions')
@Index('ix_sessions_user_id', ['userId'])
@Index('ix_sessions_user_id_epoch_ended_at', ['userId', 'epoch', 'endedAt'])
@Index('ix_sessions_expires_at', ['expiresAt'])
export class Session {
  @PrimaryGeneratedColumn({ type: 'int' })
  id: number;

  @Column('int', { name: 'user_id' })
  @ForeignKey('User', { name: 'fk_sessions_user_id' })
  userId: number;

  /** The session is valid only while this equals its user's epoch. */
  @Column('int')
  epoch: number;

  /** Signed by the refresh tokens, so that they become invalid with the row even if its id is reused. */
  @Column('varchar', { length: 32 })
  salt: string;

  /** Number of the current refresh token. Every refresh increments it. */
  @Column('int')
  generation: number;

  @Column('datetime', { name: 'rotated_at' })
  rotatedAt: Date;

  @Column('datetime', { name: 'created_at' })
  createdAt: Date;

  @Column('datetime', { name: 'expires_at' })
  expiresAt: Date;

  @Column('datetime', { name: 'ended_at', nullable: true })
  endedAt: Date | null;

  @Column('varchar', { name: 'ip_address', length: 45 })
  ipAddress: string;

  @Column('varchar', { name: 'user_agent', length: 255, nullable: true })
  userAgent: string | null;
}
