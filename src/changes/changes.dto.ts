import { CustomerDto } from '../customers/customer.dto.js';
import { IntegerParameter, OptionalNotNull, SingleLine } from '../validation/fields.js';

export class ChangesQuery {
  /**
   * `next` of the previous response: returns the changes after it. `now`: only changes after this request. Without it, all
   * changes from the oldest.
   */
  @OptionalNotNull()
  @SingleLine(1000)
  after?: string;

  /** Changes per response; default 50. An event stream ignores it. */
  @OptionalNotNull()
  @IntegerParameter(1, 200)
  limit?: number;

  /** Seconds to wait if there is no change yet; default 0. An event stream ignores it. */
  @OptionalNotNull()
  @IntegerParameter(0, 25)
  wait?: number;
}

/** A change of a customer. */
export class ChangeDto {
  /**
   * Id of the customer.
   * @example 7
   */
  id: number;

  /**
   * Version that the change created.
   * @example 8
   */
  version: number;

  /**
   * Action of the change, as in the history.
   * @example 'updated'
   */
  action: string;

  /** Time of the change. */
  at: string;

  /**
   * Id of the user who made the change; null for the service itself.
   * @example 1
   */
  by: number | null;

  /** The customer as it is now, which may be a later version; null if it is deleted now. */
  customer: CustomerDto | null;
}

export class ChangesPositionDto {
  /** `after` of the next request. Never null: new changes will follow. */
  next: string;
}

export class ChangesPageDto {
  data: ChangeDto[];
  page: ChangesPositionDto;
}
