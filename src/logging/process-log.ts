import type { Env } from '../config/env.js';
import { errorFields } from './error-fields.js';
import { LogOutput } from './log-output.js';
import { createLogger, type Logger } from './logger.js';

/** The log of this process, which tells of its end, too: after an error that nobody caught its state is anybody's guess. */
export async function openProcessLog(env: Env): Promise<Logger> {
  const output = new LogOutput();
  const logger = await createLogger(env, output);
  process.on('exit', () => output.flushSync());
  // rejections that nobody handles come here as well
  process.on('uncaughtException', (error, origin) => {
    logger.fatal(errorFields(error), origin);
    process.exit(1);
  });
  return logger;
}
