import { IntegerParameter, RawString } from '../validation/fields.js';

/** Query of a signed photo URL. */
export class PhotoQuery {
  /**
   * Expiry, in seconds since 1970-01-01 UTC.
   * @example 1798761600
   */
  @IntegerParameter(1, 9_999_999_999)
  expires: number;

  /**
   * Signature of path and expiry.
   * @example 'c2lnbmVk'
   */
  @RawString(100)
  signature: string;
}
