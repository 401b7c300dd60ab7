/** One member of the request that is not valid. */
export class InvalidMemberDto {
  /**
   * A JSON Pointer (RFC 6901) into the body, or the name of a parameter or header.
   * @example '/email'
   */
  pointer: string;

  /**
   * What is wrong, stable.
   * @example 'invalid_email'
   */
  code: string;

  /**
   * What is wrong, for people.
   * @example 'must be an e-mail address'
   */
  message: string;
}

/** A problem document (RFC 9457). */
export class ProblemDto {
  /**
   * The address of the documentation of `code`.
   * @example 'https://crm.example.com/problems/customer_not_found'
   */
  type: string;

  /** @example 'No such customer' */
  title: string;

  /** @example 404 */
  status: number;

  /** @example 'There is no customer with this id, or it was deleted.' */
  detail: string;

  /**
   * The path of the request.
   * @example '/customers/7'
   */
  instance: string;

  /**
   * Stable: programs go by this one.
   * @example 'customer_not_found'
   */
  code: string;

  /**
   * Also in the header X-Request-Id. Name it when you ask for help.
   * @example '0c8f5a0e-9a3b-4f3c-8a54-3c1d9f0f2a11'
   */
  requestId: string;

  /** With 400: every member that is not valid. */
  errors?: InvalidMemberDto[];

  /**
   * With 412: the version that the resource has now.
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

  /** @example 'No such customer' */
  title: string;

  /** @example 'There is no customer with this id, or it was deleted.' */
  description: string;
}
