import { FailureLog } from '../../logging/failure-log.js';
import { Problem } from '../../problems/problem.js';

/** For all provider requests of one sign-in together, so that the client has its response within 3 s. */
export const PROVIDER_TIMEOUT_MS = 2_500;
const MAX_BYTES = 1024 * 1024;

const FIX =
  'Check that this machine reaches the provider (npm run crm -- doctor), and the status page of the provider.';
const failures = new FailureLog('Providers');

export interface ProviderResponse {
  status: number;
  text: string;
}

/** Sends a request to a provider. Throws `provider_unavailable` for a slow, huge, broken or redirecting response. */
export async function providerFetch(
  url: string,
  signal: AbortSignal,
  init: Pick<RequestInit, 'method' | 'headers' | 'body'> = {},
): Promise<ProviderResponse> {
  try {
    const response = await fetch(url, { ...init, signal, redirect: 'manual' });
    const { status } = response;
    const isUsable = status < 300 || (status >= 400 && status < 500);
    const text = await readText(response, isUsable);
    if (!isUsable) throw new Error(`responded with status ${status}`);
    return { status, text };
  } catch (error) {
    const { message, cause } = error as Error & { cause?: { code?: string } };
    // The query and the provider's text stay out of the log.
    const [address] = url.split('?', 1);
    const reason = cause?.code ?? message;
    failures.report(`${address} ${reason}`, { message: 'provider_unavailable', url: address, reason, fix: FIX });
    throw new Problem('provider_unavailable');
  }
}

/** Stops waiting when the signal aborts, but lets the work continue: other sign-ins may wait for it too. */
export function withAbort<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(new Problem('provider_unavailable'));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    work.then(resolve, reject);
  });
}

async function readText({ body }: Response, isUsable: boolean): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Leaving the loop cancels the rest of the body.
  for await (const chunk of body ?? []) {
    size += (chunk as Uint8Array).length;
    if (!isUsable) break;
    if (size > MAX_BYTES) throw new Error('responded with more than 1 MiB');
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}
