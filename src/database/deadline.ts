/**
 * Calls `onMissed` unless the returned function is called before. Timers run before sockets are read, so an event loop that
 * was blocked reads them once more: the answer may have arrived in time.
 */
export function startDeadline(milliseconds: number, onMissed: () => void): () => void {
  let lastRead: NodeJS.Immediate | undefined;
  const timer = setTimeout(() => (lastRead = setImmediate(onMissed)), milliseconds);
  return () => {
    clearTimeout(timer);
    clearImmediate(lastRead);
  };
}
