import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { MEMBER_ERRORS, type MemberErrorCode, type ProblemCode, PROBLEMS } from './catalog.js';

const CODES = Object.keys(PROBLEMS) as ProblemCode[];

@ApiSchema({ description: 'An invalid member of the request.' })
export class InvalidMemberDto {
  /**
   * A JSON Pointer (RFC 6901) into the body, or the name of a parameter or header.
   * @example '/email'
   */
  pointer: string;

  /** Stable code of the error. */
  @ApiProperty({ enum: MEMBER_ERRORS, enumName: 'MemberErrorCode', example: 'invalid_email' })
  code: MemberErrorCode;

  /**
   * Description of the error for people; may change.
   * @example 'Must be an e-mail address.'
   */
  message: string;
}

@ApiSchema({ description: 'A problem document (RFC 9457).' })
export class ProblemDto {
  /** URL of the documentation of `code`. */
  @ApiProperty({ format: 'uri', example: 'https://crm.example.org/problems/customer_not_found' })
  type: string;

  /**
   * What `code` means, in a few words.
   * @example 'Customer not found'
   */
  title: string;

  /** The status of the response. */
  @ApiProperty({ minimum: 400, maximum: 599, example: 404 })
  status: number;

  /**
   * What happened, for people; may change.
   * @example 'No customer has this id, or the customer is deleted.'
   */
  detail: string;

  /** The path of the request; for one that cannot be read, `urn:uuid:` and the request id. */
  @ApiProperty({ format: 'uri-reference', example: '/customers/1' })
  instance: string;

  /** Stable code of the problem, for programs. */
  @ApiProperty({ enum: CODES, enumName: 'ProblemCode', example: 'customer_not_found' })
  code: ProblemCode;

  /**
   * Request id, also in the header X-Request-Id. Quote it in support requests.
   * @example '0c8f5a0e-9a3b-4f3c-8a54-3c1d9f0f2a11'
   */
  requestId: string;

  /** Only with `invalid_request`: the invalid members, at most 100 of them. */
  errors?: InvalidMemberDto[];

  /**
   * Only with 412: the current version of the resource.
   * @example 2
   */
  currentVersion?: number;
}

@ApiSchema({ description: 'The documentation of one problem code.' })
export class ProblemTypeDto {
  /** The code. */
  @ApiProperty({ enum: CODES, enumName: 'ProblemCode', example: 'customer_not_found' })
  code: ProblemCode;

  /** The status of responses with this code. */
  @ApiProperty({ minimum: 400, maximum: 599, example: 404 })
  status: number;

  /**
   * What it means, in a few words.
   * @example 'Customer not found'
   */
  title: string;

  /**
   * What happened, and what the client can do.
   * @example 'No customer has this id, or the customer is deleted.'
   */
  description: string;

  /**
   * What a developer or a user does about it.
   * @example 'Remove the customer from the view.'
   */
  advice: string;
}

@ApiSchema({ description: 'All problem codes.' })
export class ProblemTypesDto {
  /** Every code of the service. */
  data: ProblemTypeDto[];
}
