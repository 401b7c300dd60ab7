/** An invalid member of the request. */
export class InvalidMemberDto {
  /**
   * A JSON Pointer (RFC 6901) into the body, or the name of a parameter or header.
   * @example '/email'
   */
  pointer: string;

  /**
   * Stable code of the error.
   * @example 'invalid_email'
   */
  code: string;

  /**
   * Description of the error for people; may change.
   * @example 'Must be an e-mail address.'
   */
  message: string;
}

/** A problem document (RFC 9457). */
export class ProblemDto {
  /**
   * URL of the documentation of `code`.
   * @example 'https://crm.example.com/problems/customer_not_found'
   */
  type: string;

  /** @example 'Customer not found' */
  title: string;

  /** @example 404 */
  status: number;

  /** @example 'No customer has this id, or the customer is deleted.' */
  detail: string;

  /**
   * The path of the request.
   * @example '/customers/7'
   */
  instance: string;

  /**
   * Stable code of the problem, for programs.
   * @example 'customer_not_found'
   */
  code: string;

  /**
   * Request id, also in the header X-Request-Id. Quote it in support requests.
   * @example '0c8f5a0e-9a3b-4f3c-8a54-3c1d9f0f2a11'
   */
  requestId: string;

  /** Only with `invalid_request`: every invalid member. */
  errors?: InvalidMemberDto[];

  /**
   * Only with 412: the current version of the resource.
   * @example 8
   */
  currentVersion?: number;
}

/** The documentation of one problem code. */
export class ProblemTypeDto {
  /** @example 'customer_not_found' */
  code: string;

  /** @example 404 */
  status: number;

  /** @example 'Customer not found' */
  title: string;

  /** @example 'No customer has this id, or the customer is deleted.' */
  description: string;
}
