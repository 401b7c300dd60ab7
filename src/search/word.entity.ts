import { Entity, PrimaryColumn } from 'typeorm';
import { WORD_LENGTH } from './search-text.js';

/** A word of a row. The key holds everything that a search needs, in the order in which it reads it. */
abstract class Word {
  @PrimaryColumn('boolean', { name: 'is_deleted' })
  isDeleted: boolean;

  @PrimaryColumn('varchar', { length: WORD_LENGTH })
  word: string;

  /** Of the customer or user. */
  @PrimaryColumn('int')
  id: number;
}

@Entity('customer_words', { withoutRowid: true })
export class CustomerWord extends Word {}

@Entity('user_words', { withoutRowid: true })
export class UserWord extends Word {}
