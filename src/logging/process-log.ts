import type { Env } from '../config/env.js';
import { errorFields } from './error-fields.js';
import { LogOutput } from './log-output.js';
import { createLogger, type Logger } from './logger.js';

/** Opens the log of this process. After an uncaught error the state of the process is undefined: it logs the error and exits. */
export async function openProcessLog(env: Env): Promise<Logger> {
  const output = new LogOutput();
  const logger = await createLogger(env, output);
  process.on('exit', () => output.flushSync());
  // includes unhandled rejections
  process.on('uncaughtException', (error, origin) => {
    logger.fatal(errorFields(error), origin);
    process.exit(1);
  });
  return logger;
}
