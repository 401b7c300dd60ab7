import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';
import { EMAIL_KEY } from '../database/email-key.js';
import { SearchColumns } from '../search/search-columns.js';

/** Table and column names come from the Flask service, which may have created the table. */
@Entity('users')
@Index('ix_users_email', ['email'])
@Index('ix_users_name', ['name'])
@Index('ix_users_surname', ['surname'])
@Index('ix_users_admin', ['isAdmin'])
@Index('ix_users_created_at', ['createdAt'])
@Index('ix_users_modified_at', ['lastModifiedAt'])
@Index('ix_users_is_deleted', ['isDeleted'])
@Index('ix_users_admin_privileges_by', ['roleGrantedBy'])
@Index('ix_users_modified_by', ['lastModifiedBy'])
@Index('uq_users_live_email', ['liveEmail'], { unique: true })
@Index('uq_users_password_token_hash', ['passwordTokenHash'], { unique: true })
@Index('ix_users_is_deleted_name_key', ['isDeleted', 'nameKey'])
@Index('ix_users_is_deleted_surname_key', ['isDeleted', 'surnameKey'])
@Index('ix_users_is_deleted_email_sort', ['isDeleted', 'emailSort'])
@Index('ix_users_is_deleted_admin', ['isDeleted', 'isAdmin'])
@Index('ix_users_created_by_is_deleted', ['createdBy', 'isDeleted'])
@Index('ix_users_is_deleted_created_sort', ['isDeleted', 'createdSort'])
@Index('ix_users_is_deleted_modified_sort', ['isDeleted', 'modifiedSort'])
@Index('ix_users_is_stale', ['isStale'])
export class User extends SearchColumns {
  @PrimaryGeneratedColumn({ type: 'int' })
  id: number;

  /** Null for some users of the Flask service, who cannot sign in. */
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

  /** argon2id, or a Werkzeug hash until the user's first sign-in here. */
  @Column('varchar', { name: 'password_hash', length: 255, nullable: true })
  passwordHash: string | null;

  @Column('boolean', { name: 'is_deleted' })
  isDeleted: boolean;

  @Column('int', { default: 1 })
  version: number;

  @Column('datetime', { name: 'deleted_at', nullable: true })
  deletedAt: Date | null;

  /** Computed by the database for the unique index; null for deleted users. */
  @Column({
    type: 'varchar',
    name: 'live_email',
    length: 120,
    nullable: true,
    select: false,
    insert: false,
    update: false,
    generatedType: 'VIRTUAL',
    asExpression: `CASE WHEN is_deleted = 0 THEN ${EMAIL_KEY} END`,
  })
  liveEmail: string | null;

  /** Sessions with an earlier epoch have ended. */
  @Column('int', { name: 'session_epoch', default: 1 })
  sessionEpoch: number;

  /** Providers that the user can sign in with, in alphabetical order: `facebook,google`. Denormalized for reads. */
  @Column('varchar', { name: 'linked_providers', length: 40, default: '' })
  linkedProviders: string;

  @Column('varchar', { name: 'password_token_hash', length: 64, nullable: true })
  passwordTokenHash: string | null;

  @Column('datetime', { name: 'password_token_expires_at', nullable: true })
  passwordTokenExpiresAt: Date | null;

  /** Whether another writer has changed the row since its search columns were computed. */
  @Column({
    type: 'boolean',
    name: 'is_stale',
    nullable: true,
    select: false,
    insert: false,
    update: false,
    generatedType: 'VIRTUAL',
    asExpression:
      'CASE WHEN indexed_at = modified_at OR (modified_at IS NULL AND indexed_at IS NOT NULL) THEN 0 ELSE 1 END',
  })
  isStale: boolean | null;

  /** For sorting: rows of the Flask service may lack the time, and come first. */
  @Column({
    type: 'datetime',
    name: 'created_sort',
    nullable: true,
    select: false,
    insert: false,
    update: false,
    generatedType: 'VIRTUAL',
    asExpression: "COALESCE(created_at, '1970-01-01 00:00:00.000')",
  })
  createdSort: Date;

  /** For sorting: rows of the Flask service may lack the time, and come first. */
  @Column({
    type: 'datetime',
    name: 'modified_sort',
    nullable: true,
    select: false,
    insert: false,
    update: false,
    generatedType: 'VIRTUAL',
    asExpression: "COALESCE(modified_at, '1970-01-01 00:00:00.000')",
  })
  modifiedSort: Date;
}
