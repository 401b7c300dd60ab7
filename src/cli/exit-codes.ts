import { CommanderError } from 'commander';
import { EXIT_CONFIGURATION, StartError } from '../config/start-error.js';
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
  if (error instanceof StartError) return error.isLasting ? EXIT_CONFIGURATION : EXIT_FAILED;
  const isUsage = error instanceof UsageError || (error instanceof Problem && error.code === 'invalid_request');
  return isUsage ? EXIT_USAGE : EXIT_FAILED;
}

function messageOf(error: Error): string {
  if (error instanceof StartError) return error.explanation;
  if (!(error instanceof Problem)) return error.message;
  const { errors } = error.extras;
  return errors
    ? errors.map(({ pointer, message }) => [pointer.replace(/^\//, ''), message].filter(Boolean).join(': ')).join('\n')
    : error.detail;
}
