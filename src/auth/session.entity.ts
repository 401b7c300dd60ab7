import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** A signed-in client. Nothing in here can be turned into a token: those are signed with a key the database never sees. */
@Entity('sessions')
@Index('ix_sessions_user_id', ['userId'])
@Index('ix_sessions_expires_at', ['expiresAt'])
export class Session {
  @PrimaryGeneratedColumn({ type: 'int' })
  id: number;

  @Column('int', { name: 'user_id' })
  @ForeignKey('User', { name: 'fk_sessions_user_id' })
  userId: number;

  /** The session counts only while this is its user's epoch. */
  @Column('int')
  epoch: number;

  /** Part of what refresh tokens sign, so that they die with the row even if its id comes back. */
  @Column('varchar', { length: 32 })
  salt: string;

  /** Which refresh token is the present one; it rises with every refresh. */
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
