export interface BucketResponse {
  status: number;
  headers?: Record<string, string>;
  body?: Buffer;
}

/** An error response, with the texts of Google Cloud Storage. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    /** Error reason of the JSON API. */
    readonly reason: string,
    message: string,
    /** Error code of the XML API, which signed and public URLs use. */
    readonly code = 'AccessDenied',
  ) {
    super(message);
  }
}

export const invalid = (message: string): Refusal => new Refusal(400, 'invalid', message, 'InvalidArgument');

export const notFound = (what: string): Refusal => new Refusal(404, 'notFound', what, 'NoSuchKey');

export const noSuchBucket = (): Refusal =>
  new Refusal(404, 'notFound', 'The specified bucket does not exist.', 'NoSuchBucket');

export const forbidden = (who: string, permission: string): Refusal =>
  new Refusal(
    403,
    'forbidden',
    `${who} does not have ${permission} access to the Google Cloud Storage object. ` +
      `Permission '${permission}' denied on resource (or it may not exist).`,
  );

export const tooFast = (): Refusal =>
  new Refusal(
    429,
    'rateLimitExceeded',
    'The rate of change requests to the object exceeds the rate limit. ' +
      'Please reduce the rate of create, update, and delete requests.',
    'SlowDown',
  );

export const unavailable = (): Refusal =>
  new Refusal(503, 'backendError', 'We encountered an internal error. Please try again.', 'ServiceUnavailable');

export const conditionNotMet = (): Refusal =>
  new Refusal(
    412,
    'conditionNotMet',
    'At least one of the pre-conditions you specified did not hold.',
    'PreconditionFailed',
  );

export function json(status: number, body: object, headers: Record<string, string> = {}): BucketResponse {
  return {
    status,
    headers: { 'content-type': 'application/json; charset=UTF-8', ...headers },
    body: Buffer.from(JSON.stringify(body)),
  };
}

export function asJson({ status, reason, message }: Refusal): BucketResponse {
  const domain = reason === 'rateLimitExceeded' ? 'usageLimits' : 'global';
  return json(status, { error: { code: status, message, errors: [{ message, domain, reason }] } });
}

/** The JSON API refuses downloads in plain text. */
export function asText({ status, message }: Refusal): BucketResponse {
  return { status, headers: { 'content-type': 'text/html; charset=UTF-8' }, body: Buffer.from(message) };
}

export function asXml({ status, code, message }: Refusal): BucketResponse {
  const text = `<?xml version='1.0' encoding='UTF-8'?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
  return { status, headers: { 'content-type': 'application/xml; charset=UTF-8' }, body: Buffer.from(text) };
}
