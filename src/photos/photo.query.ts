import { IntegerParameter, RawString } from '../validation/fields.js';

/** What makes an address of a photo good for a while. */
export class PhotoQuery {
  /** Seconds since 1970. */
  @IntegerParameter(1, 9_999_999_999)
  expires: number;

  @RawString(100)
  signature: string;
}
