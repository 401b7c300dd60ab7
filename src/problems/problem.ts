import { type MemberErrorCode, type ProblemCode, PROBLEMS } from './catalog.js';

/** One invalid member: a JSON Pointer (RFC 6901) into the body, or the name of a parameter or header. */
export interface InvalidMember {
  pointer: string;
  code: MemberErrorCode;
  /** A sentence, with a capital letter and a full stop. */
  message: string;
}

interface ProblemExtras {
  errors?: InvalidMember[];
  currentVersion?: number;
  /** Seconds, for `Retry-After`. */
  retryAfter?: number;
  /** Methods, for `Allow`. */
  allow?: string[];
}

/** A request can have thousands, such as unknown parameters: a response that lists all of them would be no help. */
export const MAX_LISTED = 100;

/** Throw it to respond with a problem document (RFC 9457), which `sendProblem` writes. */
export class Problem extends Error {
  readonly status: number;

  constructor(
    readonly code: ProblemCode,
    readonly detail: string = PROBLEMS[code].description,
    readonly extras: ProblemExtras = {},
  ) {
    super(`${code}: ${detail}`);
    this.status = PROBLEMS[code].status;
  }

  static invalid(errors: InvalidMember[]): Problem {
    const listed = errors.slice(0, MAX_LISTED);
    const sentences = listed.map(({ pointer, message }) => `${pointer || 'Body'}: ${message}`);
    if (errors.length > MAX_LISTED) sentences.push(`And ${errors.length - MAX_LISTED} more.`);
    return new Problem('invalid_request', sentences.join(' '), { errors: listed });
  }
}

/** RFC 6901, section 3 */
export const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
