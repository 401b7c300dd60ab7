import { type ProblemCode, PROBLEMS } from './catalog.js';

/** One invalid member: a JSON Pointer (RFC 6901) into the body, or the name of a parameter or header. */
export interface InvalidMember {
  pointer: string;
  code: string;
  message: string;
}

interface ProblemExtras {
  errors?: InvalidMember[];
  currentVersion?: number;
  /** Seconds, for `Retry-After`. */
  retryAfter?: number;
}

/** Thrown to answer with a problem document (RFC 9457); `sendProblem` writes it. */
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
    const names = errors.map(({ pointer, message }) => `${pointer || 'the body'} ${message}`);
    return new Problem('invalid_request', `${names.join('; ')}.`, { errors });
  }
}

/** RFC 6901, section 3 */
export const escapePointer = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1');
