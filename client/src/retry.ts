/** Sends one request, as `fetch` does. */
export type Send = (request: Request) => Promise<Response>;

/** Longer waits are left to the caller: someone may be looking at a page. */
const MAX_WAIT_S = 30;

/**
 * Repeats a request that the service refused for now (429 or 503 with `Retry-After`), or that got no response. A POST is
 * repeated only with an `Idempotency-Key`, as it may have been carried out.
 */
export function retrying(send: Send, maxRetries: number): Send {
  return async (request) => {
    const isRepeatable = request.method !== 'POST' || request.headers.has('idempotency-key');
    for (let retries = isRepeatable ? maxRetries : 0; ; retries--) {
      if (retries === 0) return send(request);
      const waitS = await send(request.clone()).then(
        async (response) => {
          const seconds = retryAfter(response);
          if (seconds === undefined) return response;
          await response.body?.cancel();
          return seconds;
        },
        (error: unknown) => {
          if (request.signal.aborted) throw error;
          return 1;
        },
      );
      if (waitS instanceof Response) return waitS;
      await sleep(waitS * 1000, request.signal);
    }
  };
}

function retryAfter({ status, headers }: Response): number | undefined {
  if (status !== 429 && status !== 503) return undefined;
  const seconds = Number(headers.get('retry-after') ?? Number.NaN);
  return seconds <= MAX_WAIT_S ? seconds : undefined;
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', abort);
      resolve();
    }, milliseconds);
    signal.addEventListener('abort', abort, { once: true });
  });
}
