import { CommanderError } from 'commander';
import { ConfigurationError, EXIT_CONFIGURATION } from '../config/env.js';
import { Problem } from '../problems/problem.js';

export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** What a shell says of a program that was ended by Ctrl-C. */
const EXIT_INTERRUPTED = 130;

/** The command line, or what was typed in for it, is wrong. */
export class UsageError extends Error {}

export class Interrupted extends Error {}

/** Says on stderr what went wrong, and with which code the process ends. */
export function report(error: unknown): number {
  // commander has said it
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof Interrupted) return EXIT_INTERRUPTED;
  process.stderr.write(`${messageOf(error as Error)}\n`);
  if (error instanceof ConfigurationError) return EXIT_CONFIGURATION;
  const isUsage = error instanceof UsageError || (error instanceof Problem && error.code === 'invalid_request');
  return isUsage ? EXIT_USAGE : EXIT_FAILED;
}

function messageOf(error: Error): string {
  if (!(error instanceof Problem)) return error.message;
  const { errors } = error.extras;
  return errors ? errors.map(({ pointer, message }) => `${pointer.slice(1)}: ${message}`).join('\n') : error.detail;
}
