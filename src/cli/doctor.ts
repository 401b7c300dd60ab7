import { Logger } from '@nestjs/common';
import { Clock } from '../config/clock.js';
import { ConfigurationError, type Env, loadEnv } from '../config/env.js';
import { EXIT_CONFIGURATION } from '../config/start-error.js';
import { type Check, Finding, NotChecked } from './checks/check.js';
import { DatabaseChecks } from './checks/database.js';
import { checkPhotos } from './checks/photos.js';
import { checkFacebook, checkGoogle } from './checks/providers.js';
import { checkPublicUrl } from './checks/public-url.js';
import { CommandLogger } from './command-logger.js';
import { EXIT_FAILED } from './exit-codes.js';

/** Runs every check, even after failures; the exit code says whether all of them passed. */
export async function runDoctor(): Promise<number> {
  // prints warnings of the service's code before the result of the check
  Logger.overrideLogger(new CommandLogger());
  const env = readConfiguration();
  if (!env) return EXIT_CONFIGURATION;
  const clock = new Clock();
  const database = new DatabaseChecks(env, clock);
  const checks: Check[] = [
    ['database', () => database.connect()],
    ['migrations', () => database.checkMigrations()],
    ['admin', () => database.checkAdmin()],
    ...(env.DATABASE_REPLICA_URIS.length > 0 ? [['replicas', () => database.checkReplicas()] as Check] : []),
    ['photos', () => checkPhotos(env, clock)],
    ['google', () => checkGoogle(env, clock)],
    ['facebook', () => checkFacebook(env)],
    ['address', () => checkPublicUrl(env, clock)],
  ];
  let failed = 0;
  for (const check of checks) if (!(await passes(check))) failed++;
  await database.close();
  return failed > 0 ? EXIT_FAILED : 0;
}

function readConfiguration(): Env | undefined {
  try {
    const warnings: string[] = [];
    const env = loadEnv(warnings);
    print('ok', 'configuration', `${env.NODE_ENV}, all variables are valid`);
    for (const warning of warnings) print('-', 'configuration', warning);
    return env;
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    for (const problem of error.problems) print('FAILED', 'configuration', problem);
    print('', '', 'Fix: see .env.example, which describes every variable.');
    return undefined;
  }
}

async function passes([name, run]: Check): Promise<boolean> {
  try {
    print('ok', name, await run());
    return true;
  } catch (error) {
    if (error instanceof NotChecked) {
      print('-', name, error.message);
      return true;
    }
    print('FAILED', name, (error as Error).message);
    if (error instanceof Finding) print('', '', `Fix: ${error.fix}`);
    return false;
  }
}

function print(outcome: 'ok' | 'FAILED' | '-' | '', name: string, text: string): void {
  process.stdout.write(`${outcome.padEnd(7)} ${name.padEnd(14)} ${text}\n`);
}
