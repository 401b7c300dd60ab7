import { CommanderError } from 'commander';
import { ConfigurationError, EXIT_CONFIGURATION } from '../config/env.js';
import { EmailCollisionError } from '../database/email-collisions.js';
import { Problem } from '../problems/problem.js';

export const EXIT_FAILED = 1;
export const EXIT_USAGE = 2;
/** The shell convention for a program that Ctrl-C ends: 128 + SIGINT. */
const EXIT_INTERRUPTED = 130;

/** The command line or the input is invalid. */
export class UsageError extends Error {}

export class Interrupted extends Error {}

/** Prints the error to stderr and returns the exit code of the process. */
export function reportError(error: unknown): number {
  // commander has already printed it
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (error instanceof Interrupted) return EXIT_INTERRUPTED;
  process.stderr.write(`${messageOf(error as Error)}\n`);
  if (error instanceof ConfigurationError || error instanceof EmailCollisionError) return EXIT_CONFIGURATION;
  const isUsage = error instanceof UsageError || (error instanceof Problem && error.code === 'invalid_request');
  return isUsage ? EXIT_USAGE : EXIT_FAILED;
}

function messageOf(error: Error): string {
  if (error instanceof EmailCollisionError) return `${error.message}\nNothing was changed. Fix: ${error.fix}`;
  if (!(error instanceof Problem)) return error.message;
  const { errors } = error.extras;
  return errors
    ? errors.map(({ pointer, message }) => [pointer.replace(/^\//, ''), message].filter(Boolean).join(': ')).join('\n')
    : error.detail;
}
