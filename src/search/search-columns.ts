import { Column } from 'typeorm';
import { KEY_LENGTH } from './fold.js';

/**
 * Columns that are computed from the others with every write, for lists and searches. Empty in rows that the Flask
 * service or an earlier release has created, until `StaleRows` finds them.
 */
export abstract class SearchColumns {
  /** The name as it is sorted and compared. */
  @Column('varchar', { name: 'name_key', length: KEY_LENGTH, default: '', select: false })
  nameKey: string;

  @Column('varchar', { name: 'surname_key', length: KEY_LENGTH, default: '', select: false })
  surnameKey: string;

  @Column('varchar', { name: 'email_sort', length: KEY_LENGTH, default: '', select: false })
  emailSort: string;

  /** All words, as `searchText` makes them. */
  @Column('text', { name: 'search_text', nullable: true, select: false })
  searchText: string | null;

  /** `lastModifiedAt` of the version that these columns describe: another writer leaves it as it is. */
  @Column('datetime', { name: 'indexed_at', nullable: true, select: false })
  indexedAt: Date | null;
}
