import { ApiPropertyOptional } from '@nestjs/swagger';
import { MAX_QUERY_LENGTH, MAX_WORDS, parseQuery } from '../search/query.js';
import {
  BooleanParameter,
  Cursor,
  type FieldError,
  IntegerParameter,
  IsOneOf,
  MAX_ID,
  OptionalNotNull,
  SingleLine,
  TimeParameter,
} from '../validation/fields.js';

const tooManyWords = (q: string): FieldError | undefined =>
  parseQuery(q) === undefined ? ['too_many_words', `Must have at most ${MAX_WORDS} words.`] : undefined;

const SORTS = ['id', 'name', 'surname', 'email', 'createdAt', 'lastModifiedAt'];

/** The query parameters of all lists. */
export class PageQuery {
  /** Items per page. */
  @OptionalNotNull()
  @ApiPropertyOptional({ default: 50 })
  @IntegerParameter(1, 200)
  limit?: number;

  /** `next` of the previous page. Repeat its filters and order. */
  @OptionalNotNull()
  @Cursor()
  cursor?: string;
}

/** The query parameters of the lists of customers and users. */
export class ListQuery extends PageQuery {
  /** Adds `total` to `page`. */
  @OptionalNotNull()
  @ApiPropertyOptional({ default: false })
  @BooleanParameter()
  count?: boolean;

  /**
   * Full-text search: every word must be the start of a word in the name, the surname, the e-mail (or of the e-mail as a
   * whole) or, of customers, the company or phone number. Ignores case, accents and width; `strasse` finds Straße,
   * `lodz` finds Łódź. At most 8 words. Digits with blanks and `+ - ( ) . /` are also one phone number, from the start
   * of its international form (with or without `+` or `00`) or national form (with or without its trunk prefix).
   */
  @OptionalNotNull()
  @SingleLine(MAX_QUERY_LENGTH, tooManyWords)
  q?: string;

  /**
   * Sort order; prefix `-` for descending; `-id` is newest first. Names and e-mails sort without regard to case
   * and accents; equal ones by id.
   */
  @OptionalNotNull()
  @ApiPropertyOptional({ default: '-id' })
  @IsOneOf(...SORTS, ...SORTS.map((name) => `-${name}`))
  sort?: string;

  /** Exact e-mail, case-insensitive. */
  @OptionalNotNull()
  @SingleLine(254)
  email?: string;

  /** Exact name, ignoring case, accents and width. */
  @OptionalNotNull()
  @SingleLine(120)
  name?: string;

  /** Exact surname, ignoring case, accents and width. */
  @OptionalNotNull()
  @SingleLine(120)
  surname?: string;

  /** Only records that the user with this id created. */
  @OptionalNotNull()
  @IntegerParameter(1, MAX_ID)
  createdBy?: number;

  /** Only records that were created at this time or later. */
  @OptionalNotNull()
  @TimeParameter()
  createdSince?: Date;

  /** Only records that were changed at this time or later. */
  @OptionalNotNull()
  @TimeParameter()
  modifiedSince?: Date;

  /** Only deleted records, instead of only active ones. */
  @OptionalNotNull()
  @ApiPropertyOptional({ default: false })
  @BooleanParameter()
  deleted?: boolean;
}
