import type { ChildProcess } from 'node:child_process';

/** A temporary server that tests may freeze and kill. */
export interface Mariadb {
  uri: string;
  process: () => ChildProcess;
  /** Starts it again on the same port, with the committed data. */
  restart: () => Promise<void>;
  remove: () => Promise<void>;
}

export function hasMariadb(): boolean;
export function startMariadb(extraOptions?: string[]): Promise<Mariadb>;
export function freePort(): Promise<number>;
