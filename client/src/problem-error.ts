import type { components } from './schema.js';

/** A problem document (RFC 9457), the body of every error of the service. */
export type Problem = components['schemas']['Problem'];

/** `unexpected_response`: not from the service, such as an HTML page of a proxy. */
export type ProblemCode = Problem['code'] | 'unexpected_response';

/** Thrown instead of returning an error. Narrow it by `code`; the messages are for people and may change. */
export class ProblemError extends Error {
  override readonly name = 'ProblemError';
  readonly code: ProblemCode;
  readonly status: number;
  /** With `version_conflict`: the version that the resource has now. */
  readonly currentVersion?: number;

  constructor(
    readonly problem: Omit<Problem, 'code'> & { code: ProblemCode },
    /** Its body is read already; the headers have `Retry-After` of a refusal for now. */
    readonly response: Response,
  ) {
    super(problem.detail ? `${problem.title}: ${problem.detail}` : problem.title);
    this.code = problem.code;
    this.status = problem.status;
    if ('currentVersion' in problem) this.currentVersion = problem.currentVersion as number;
  }

  /** Reads the body of the response. */
  static async from(response: Response): Promise<ProblemError> {
    const text = await response.text();
    try {
      const problem = JSON.parse(text) as Problem;
      if (typeof problem.code === 'string') return new ProblemError(problem, response);
    } catch {
      // not JSON
    }
    const { status, url } = response;
    const title = `Unexpected response with status ${status}`;
    return new ProblemError(
      {
        type: 'about:blank',
        title,
        status,
        detail: text.slice(0, 200),
        instance: new URL(url).pathname,
        code: 'unexpected_response',
        requestId: response.headers.get('x-request-id') ?? '',
      },
      response,
    );
  }
}
