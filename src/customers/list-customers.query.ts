import { ListQuery } from '../lists/list.query.js';
import { BooleanParameter, OptionalNotNull, Phone, SingleLine } from '../validation/fields.js';

export class ListCustomersQuery extends ListQuery {
  /** Exact company, ignoring case, accents and width. */
  @OptionalNotNull()
  @SingleLine(120)
  company?: string;

  /** Exact phone number (E.164). Encode the plus sign in URLs: `%2B34600123456`. */
  @OptionalNotNull()
  @Phone()
  phone?: string;

  /** Only customers with, or without, a photo. */
  @OptionalNotNull()
  @BooleanParameter()
  hasPhoto?: boolean;
}
