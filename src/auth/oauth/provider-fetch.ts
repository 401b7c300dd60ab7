import { Logger } from '@nestjs/common';
import { Problem } from '../../problems/problem.js';

/** For all that one sign-in asks of its provider, together: the client has its answer within three seconds. */
export const PROVIDER_TIMEOUT_MS = 2_500;
const MAX_BYTES = 1024 * 1024;

const logger = new Logger('Providers');

export interface ProviderResponse {
  status: number;
  text: string;
}

/** Asks a provider. What is slow, huge, broken or leads elsewhere is the problem provider_unavailable. */
export async function providerFetch(
  url: string,
  signal: AbortSignal,
  init: Pick<RequestInit, 'method' | 'headers' | 'body'> = {},
): Promise<ProviderResponse> {
  try {
    const response = await fetch(url, { ...init, signal, redirect: 'manual' });
    const { status } = response;
    const isAnswer = status < 300 || (status >= 400 && status < 500);
    const text = await textOf(response, isAnswer);
    if (!isAnswer) throw new Error(`answered ${status}`);
    return { status, text };
  } catch (error) {
    const { message, cause } = error as Error & { cause?: { code?: string } };
    // without the query, and without what the provider said
    logger.warn({ message: 'provider_unavailable', url: url.split('?', 1)[0], reason: cause?.code ?? message });
    throw new Problem('provider_unavailable');
  }
}

/** For what other sign-ins wait for as well: this one must not end it, and need not wait any longer. */
export function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const giveUp = (): void => reject(new Problem('provider_unavailable'));
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    work.then(resolve, reject);
  });
}

async function textOf({ body }: Response, isWanted: boolean): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  // leaving the loop cancels the rest
  for await (const chunk of body ?? []) {
    size += (chunk as Uint8Array).length;
    if (!isWanted) break;
    if (size > MAX_BYTES) throw new Error('answered with more than 1 MiB');
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}
