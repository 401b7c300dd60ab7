/**
 * Returns the log fields of an error. The message of a driver error is omitted, as it quotes values of the row; its number
 * and its stack are enough. Cloud Error Reporting groups errors by `stack_trace`.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error };
  const { driverError } = error as { driverError?: Error };
  const { errno, code } = (driverError ?? error) as { errno?: number; code?: string };
  // database errors have positive numbers, operating system errors negative ones
  const quotesValues = Number(errno) > 0 || driverError !== undefined;
  const reason = quotesValues ? undefined : error.message;
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  const headline = reason ? `${error.name}: ${reason}` : error.name;
  return { error: error.name, errno, driverCode: code, reason, stack_trace: [headline, ...frames].join('\n') };
}
