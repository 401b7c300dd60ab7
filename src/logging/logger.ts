import cluster from 'node:cluster';
import { type DestinationStream, type Logger, pino } from 'pino';
import type { Env } from '../config/env.js';
import { escapeControls } from './control-characters.js';

export type { Logger } from 'pino';

/** https://cloud.google.com/logging/docs/reference/v2/rest/v2/LogEntry#LogSeverity */
const SEVERITIES: Record<string, string> = {
  debug: 'DEBUG',
  info: 'INFO',
  warn: 'WARNING',
  error: 'ERROR',
  fatal: 'CRITICAL',
};

const STDOUT: DestinationStream = { write: (line) => void process.stdout.write(line) };

/** Writes one JSON object per line, in Google Cloud Logging's format; in development, human-readable lines. */
export async function createLogger({ LOG_LEVEL, NODE_ENV }: Env, output: DestinationStream = STDOUT): Promise<Logger> {
  const options = {
    level: LOG_LEVEL,
    messageKey: 'message',
    // no host name or process id: the log collector adds the container
    base: cluster.worker ? { worker: cluster.worker.id } : null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ severity: SEVERITIES[label] }) },
  };
  const escaped: DestinationStream = { write: (line) => output.write(escapeControls(line)) };
  return pino(options, (NODE_ENV === 'development' && (await prettyStream(escaped))) || escaped);
}

/** Returns undefined without pino-pretty, which the production image does not install. */
async function prettyStream(output: DestinationStream): Promise<DestinationStream | undefined> {
  const pretty = await import('pino-pretty').catch(() => undefined);
  const format = pretty?.prettyFactory({
    colorize: process.stdout.isTTY,
    customLevels: Object.values(SEVERITIES)
      .map((severity, index) => `${severity}:${(index + 2) * 10}`)
      .join(','),
    ignore: 'httpRequest,stack_trace',
    levelKey: 'severity',
    messageKey: 'message',
    messageFormat: ({ message, httpRequest, stack_trace }) => {
      const latency = (httpRequest as { latency?: string } | undefined)?.latency;
      return [message, latency && ` in ${latency}`, stack_trace && `\n${stack_trace as string}`].join('');
    },
    singleLine: true,
    timestampKey: 'time',
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return format && { write: (line) => output.write(format(line)) };
}
