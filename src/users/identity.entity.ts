import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

export const PROVIDERS = ['google', 'facebook'] as const;
export type Provider = (typeof PROVIDERS)[number];

/**
 * The owner of a provider account, so that no other user can claim it by e-mail. The row stays when the owner unlinks
 * the account; `User.linkedProviders` decides whether it signs in.
 */
@Entity('identities')
@Index('uq_identities_provider_subject', ['provider', 'subject'], { unique: true })
@Index('uq_identities_user_id_provider', ['userId', 'provider'], { unique: true })
export class Identity {
  @PrimaryGeneratedColumn({ type: 'int' })
  id: number;

  @Column('int', { name: 'user_id' })
  @ForeignKey('User', { name: 'fk_identities_user_id' })
  userId: number;

  @Column('varchar', { length: 16 })
  provider: Provider;

  /** The provider's id of the account (OpenID Connect Core, `sub`: at most 255 ASCII characters, case-sensitive). */
  @Column('varchar', { length: 255 })
  subject: string;

  @Column('datetime', { name: 'created_at' })
  createdAt: Date;
}
