import { once } from 'node:events';
import { rmSync } from 'node:fs';

export default async function teardown(): Promise<void> {
  if (!globalThis.mariadb) return;
  const { server, directory } = globalThis.mariadb;
  server.kill('SIGKILL');
  if (server.exitCode === null && server.signalCode === null) await once(server, 'exit');
  rmSync(directory, { recursive: true, force: true });
}
