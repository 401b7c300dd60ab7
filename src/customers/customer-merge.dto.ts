import { Integer, MAX_ID } from '../validation/fields.js';

export class MergeCustomerDto {
  /**
   * Id of the other customer. It fills the empty fields of the one that stays, and is deleted.
   * @example 8
   */
  @Integer(1, MAX_ID)
  from: number;
}
