import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { CustomerDto } from '../customers/customer.dto.js';
import { CUSTOMER_ACTIONS, type CustomerAction } from '../history/actions.js';
import { Cursor, IntegerParameter, OptionalNotNull } from '../validation/fields.js';

export class ChangesQuery {
  /**
   * `next` of the previous response: returns the changes after it. `now`: only changes after this request. Without it, all
   * changes from the oldest.
   */
  @OptionalNotNull()
  @Cursor()
  after?: string;

  /** Changes per response. An event stream ignores it. */
  @OptionalNotNull()
  @ApiPropertyOptional({ default: 50 })
  @IntegerParameter(1, 200)
  limit?: number;

  /** Seconds to wait if there is no change yet. An event stream ignores it. */
  @OptionalNotNull()
  @ApiPropertyOptional({ default: 0 })
  @IntegerParameter(0, 25)
  wait?: number;
}

@ApiSchema({ description: 'A change of a customer.' })
export class ChangeDto {
  /**
   * Id of the customer.
   * @example 1
   */
  id: number;

  /**
   * Version that the change created.
   * @example 1
   */
  version: number;

  /** Action of the change, as in the history. */
  @ApiProperty({ enum: CUSTOMER_ACTIONS, enumName: 'CustomerAction', example: 'updated' })
  action: CustomerAction;

  /** Time of the change. */
  @ApiProperty({ format: 'date-time' })
  at: string;

  /**
   * Id of the user who made the change; null for the service itself.
   * @example 1
   */
  by: number | null;

  /** The customer as it is now, which may be a later version; null if it is deleted now. */
  customer: CustomerDto | null;
}

@ApiSchema({ description: 'Where the feed goes on.' })
export class ChangesPositionDto {
  /**
   * `after` of the next request. Never null: new changes will follow.
   * @example 'c2VhbGVkLXBvc2l0aW9u'
   */
  next: string;
}

@ApiSchema({ description: 'A page of the changes of all customers.' })
export class ChangesPageDto {
  /** The changes, oldest first. */
  data: ChangeDto[];
  /** Where the feed goes on. */
  page: ChangesPositionDto;
}
