import { once } from 'node:events';
import { createServer } from 'node:net';
import { ConfigurationError, type Env } from './env.js';

type PortName = 'PORT' | 'METRICS_PORT';

/** Fails if the service could not listen on its port, before a start changes anything. */
export async function assertPortIsFree({ HOST, PORT }: Env): Promise<void> {
  if (PORT === 0) return;
  const probe = createServer().listen({ port: PORT, host: HOST, exclusive: true });
  try {
    await once(probe, 'listening');
  } catch (error) {
    throw listenError(error, 'PORT', PORT);
  }
  await new Promise((resolve) => probe.close(resolve));
}

/** Says what to do about an error of `listen`. A port that is in use is no mistake of the configuration: it may be free later. */
export function listenError(error: unknown, name: PortName, port: number): Error {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE')
    return new Error(
      `Port ${port} is in use by another process (${code}): stop that process, or set ${name} to another port`,
      { cause: error },
    );
  if (code === 'EACCES')
    return new ConfigurationError([`${name} needs a privilege for ports below 1024: choose a higher one`]);
  if (code === 'EADDRNOTAVAIL')
    return new ConfigurationError(['HOST must be an address of this machine, such as 127.0.0.1 or 0.0.0.0']);
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return new ConfigurationError(['HOST must be an IP address, or a name that resolves to one of this machine']);
  return new Error(`Cannot listen on ${name}: ${code ?? message}`, { cause: error });
}
