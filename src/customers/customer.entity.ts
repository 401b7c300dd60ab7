import { Column, Entity, ForeignKey, Index, PrimaryGeneratedColumn } from 'typeorm';
import { EMAIL_KEY } from '../database/email-key.js';
import { KEY_LENGTH } from '../search/fold.js';
import { SearchColumns } from '../search/search-columns.js';

/** Table and column names are those of the Flask service, which may have created the table. */
@Entity('customers')
@Index('ix_customers_email', ['email'])
@Index('ix_customers_name', ['name'])
@Index('ix_customers_surname', ['surname'])
@Index('ix_customers_photo_url', ['photoUrl'])
@Index('ix_customers_created_at', ['createdAt'])
@Index('ix_customers_last_modified_at', ['lastModifiedAt'])
@Index('ix_customers_is_deleted', ['isDeleted'])
@Index('ix_customers_last_modified_by', ['lastModifiedBy'])
@Index('uq_customers_photo_key', ['photoKey'], { unique: true })
@Index('uq_customers_live_email', ['liveEmail'], { unique: true })
@Index('ix_customers_is_deleted_name_key', ['isDeleted', 'nameKey'])
@Index('ix_customers_is_deleted_surname_key', ['isDeleted', 'surnameKey'])
@Index('ix_customers_is_deleted_email_sort', ['isDeleted', 'emailSort'])
@Index('ix_customers_is_deleted_company_key', ['isDeleted', 'companyKey'])
@Index('ix_customers_is_deleted_phone', ['isDeleted', 'phone'])
@Index('ix_customers_listed_id', ['isDeleted', 'id', 'createdAt', 'lastModifiedAt', 'createdBy', 'erasedAt'])
@Index('ix_customers_listed_created_at', ['isDeleted', 'createdAt', 'id', 'lastModifiedAt', 'createdBy', 'erasedAt'])
@Index('ix_customers_listed_last_modified_at', [
  'isDeleted',
  'lastModifiedAt',
  'id',
  'createdAt',
  'createdBy',
  'erasedAt',
])
@Index('ix_customers_is_deleted_has_photo', ['isDeleted', 'hasPhoto'])
@Index('ix_customers_created_by_is_deleted', ['createdBy', 'isDeleted'])
@Index('ix_customers_surname_key_name_key', ['surnameKey', 'nameKey'])
@Index('ix_customers_email_key', ['emailKey'])
@Index('ix_customers_is_stale', ['isStale'])
export class Customer extends SearchColumns {
  @PrimaryGeneratedColumn({ type: 'int' })
  id: number;

  @Column('varchar', { length: 120 })
  email: string;

  @Column('varchar', { length: 120 })
  name: string;

  @Column('varchar', { length: 120 })
  surname: string;

  @Column('varchar', { length: 16, nullable: true })
  phone: string | null;

  @Column('varchar', { length: 120, nullable: true })
  company: string | null;

  @Column('text', { nullable: true })
  notes: string | null;

  /** URL of a photo that the Flask service stored in its bucket. */
  @Column('varchar', { name: 'photo_url', length: 120, nullable: true })
  photoUrl: string | null;

  /** Key of a photo that this service stored. */
  @Column('varchar', { name: 'photo_key', length: 80, nullable: true })
  photoKey: string | null;

  @Column('int', { name: 'photo_width', nullable: true })
  photoWidth: number | null;

  @Column('int', { name: 'photo_height', nullable: true })
  photoHeight: number | null;

  @Column('int', { name: 'created_by' })
  @ForeignKey('User', { name: 'customers_ibfk_1' })
  createdBy: number;

  @Column('int', { name: 'last_modified_by' })
  @ForeignKey('User', { name: 'customers_ibfk_2' })
  lastModifiedBy: number;

  @Column('datetime', { name: 'created_at' })
  createdAt: Date;

  @Column('datetime', { name: 'last_modified_at' })
  lastModifiedAt: Date;

  @Column('boolean', { name: 'is_deleted' })
  isDeleted: boolean;

  @Column('int', { default: 1 })
  version: number;

  @Column('datetime', { name: 'deleted_at', nullable: true })
  deletedAt: Date | null;

  /** Id of the customer that this one, now deleted, was merged into. */
  @Column('int', { name: 'merged_into', nullable: true })
  mergedInto: number | null;

  /** Nothing personal is left in an erased row. */
  @Column('datetime', { name: 'erased_at', nullable: true })
  erasedAt: Date | null;

  /** Computed by the database for the unique index: null for deleted customers, so that their e-mail is free again. */
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

  /** The company as it is compared. */
  @Column('varchar', { name: 'company_key', length: KEY_LENGTH, nullable: true, select: false })
  companyKey: string | null;

  /** The e-mail's mailbox, which several spellings of an e-mail share: for finding duplicates. */
  @Column('varchar', { name: 'email_key', length: 120, nullable: true, select: false })
  emailKey: string | null;

  @Column({
    type: 'boolean',
    name: 'has_photo',
    nullable: true,
    select: false,
    insert: false,
    update: false,
    generatedType: 'VIRTUAL',
    asExpression: 'CASE WHEN photo_key IS NOT NULL OR LENGTH(photo_url) > 0 THEN 1 ELSE 0 END',
  })
  hasPhoto: boolean | null;

  /** Whether another writer has changed the row since its search columns were computed. */
  @Column({
    type: 'boolean',
    name: 'is_stale',
    nullable: true,
    select: false,
    insert: false,
    update: false,
    generatedType: 'VIRTUAL',
    asExpression: 'CASE WHEN indexed_at = last_modified_at THEN 0 ELSE 1 END',
  })
  isStale: boolean | null;
}
