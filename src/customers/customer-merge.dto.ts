import { ApiSchema } from '@nestjs/swagger';
import { Integer, MAX_ID } from '../validation/fields.js';

@ApiSchema({ description: 'The customer to merge into another.' })
export class MergeCustomerDto {
  /**
   * Id of the other customer. It fills the empty fields of the one that stays, and is deleted.
   * @example 2
   */
  @Integer(1, MAX_ID)
  from: number;
}
