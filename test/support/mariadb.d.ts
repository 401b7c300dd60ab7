import type { ChildProcess } from 'node:child_process';

/** A server of our own, which may be frozen and killed. */
export interface Mariadb {
  uri: string;
  process: () => ChildProcess;
  /** At the same address, with what was committed. */
  restart: () => Promise<void>;
  remove: () => Promise<void>;
}

export function hasMariadb(): boolean;
export function startMariadb(): Promise<Mariadb>;
export function freePort(): Promise<number>;
