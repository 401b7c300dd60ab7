import type { WriteContext } from '../writes/write-context.js';

/**
 * Runs a write that returns a password token, and checks a stored answer before a retry gets it: since the first request
 * the token may have been redeemed, replaced or ended.
 */
export async function withReplayCheck<Answer>(
  context: WriteContext,
  write: (context: WriteContext) => Promise<Answer>,
  check: (stored: Answer) => Promise<Answer>,
): Promise<Answer> {
  const { idempotency } = context;
  if (!idempotency) return write(context);
  let isReplayed = false;
  const answer = await write({ ...context, idempotency: { ...idempotency, onReplay: () => (isReplayed = true) } });
  if (!isReplayed) return answer;
  const checked = await check(answer);
  idempotency.onReplay();
  return checked;
}
