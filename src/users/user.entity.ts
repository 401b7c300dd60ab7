import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';

/** Table and column names are those of the Flask service, which may have made the table. */
@Entity('users')
@Index('ix_users_email', ['email'])
@Index('ix_users_name', ['name'])
@Index('ix_users_surname', ['surname'])
@Index('ix_users_admin', ['isAdmin'])
@Index('ix_users_created_at', ['createdAt'])
@Index('ix_users_modified_at', ['lastModifiedAt'])
@Index('ix_users_is_deleted', ['isDeleted'])
@Index('ix_users_admin_privileges_by', ['roleGrantedBy'])
@Index('ix_users_created_by', ['createdBy'])
@Index('ix_users_modified_by', ['lastModifiedBy'])
@Index('uq_users_live_email', ['liveEmail'], { unique: true })
@Index('uq_users_password_token_hash', ['passwordTokenHash'], { unique: true })
export class User {
  @PrimaryGeneratedColumn({ type: 'int' })
  id: number;

  /** Null for some accounts of the Flask service, which nobody can sign in to. */
  @Column('varchar', { length: 120, nullable: true })
  email: string | null;

  @Column('varchar', { length: 120 })
  name: string;

  @Column('varchar', { length: 120 })
  surname: string;

  @Column('boolean', { name: 'admin', nullable: true })
  isAdmin: boolean | null;

  @Column('int', { name: 'admin_privileges_by', nullable: true })
  @ForeignKey('User', { name: 'users_ibfk_1' })
  roleGrantedBy: number | null;

  @Column('datetime', { name: 'created_at', nullable: true })
  createdAt: Date | null;

  @Column('datetime', { name: 'modified_at', nullable: true })
  lastModifiedAt: Date | null;

  @Column('int', { name: 'created_by', nullable: true })
  @ForeignKey('User', { name: 'users_ibfk_2' })
  createdBy: number | null;

  @Column('int', { name: 'modified_by', nullable: true })
  @ForeignKey('User', { name: 'users_ibfk_3' })
  lastModifiedBy: number | null;

  /** argon2id, or one of Werkzeug's until its owner signs in for the first time. */
  @Column('varchar', { name: 'password_hash', length: 255, nullable: true })
  passwordHash: string | null;

  @Column('boolean', { name: 'is_deleted' })
  isDeleted: boolean;

  @Column('int', { default: 1 })
  version: number;

  @Column('datetime', { name: 'deleted_at', nullable: true })
  deletedAt: Date | null;

  /** What the unique index holds: null for the deleted. Computed by the database. */
  @Column({
    type: 'varchar',
    name: 'live_email',
    length: 120,
    nullable: true,
    select: false,
    insert: false,
    update: false,
    generatedType: 'VIRTUAL',
    asExpression: 'CASE WHEN is_deleted = 0 THEN LOWER(TRIM(email)) END',
  })
  liveEmail: string | null;

  /** Sessions of an earlier epoch have ended. */
  @Column('int', { name: 'session_epoch', default: 1 })
  sessionEpoch: number;

  /** With whose accounts the user may sign in, in alphabetical order: `facebook,google`. Kept here for reading. */
  @Column('varchar', { name: 'linked_providers', length: 40, default: '' })
  linkedProviders: string;

  @Column('varchar', { name: 'password_token_hash', length: 64, nullable: true })
  passwordTokenHash: string | null;

  @Column('datetime', { name: 'password_token_expires_at', nullable: true })
  passwordTokenExpiresAt: Date | null;
}
