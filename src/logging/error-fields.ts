/**
 * An error, for the log. The message of a driver's error quotes values of the row; its number and where it arose say
 * enough. Cloud Error Reporting groups by `stack_trace`.
 */
export function errorFields(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { error: typeof error };
  const { driverError } = error as { driverError?: Error };
  const { errno, code } = (driverError ?? error) as { errno?: number; code?: string };
  // those of the operating system are negative
  const quotesValues = Number(errno) > 0 || driverError !== undefined;
  const reason = quotesValues ? undefined : error.message;
  const frames = error.stack?.split('\n').filter((line) => /^\s+at /.test(line)) ?? [];
  const headline = reason ? `${error.name}: ${reason}` : error.name;
  return { error: error.name, errno, driverCode: code, reason, stack_trace: [headline, ...frames].join('\n') };
}
