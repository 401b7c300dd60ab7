import { existsSync } from 'node:fs';
import { createService } from './app.setup.js';
import { ConfigurationError, EXIT_CONFIGURATION, readEnv } from './config/env.js';

try {
  if (existsSync('.env')) process.loadEnvFile('.env');
  const env = readEnv(process.env);
  const { app } = await createService(env);
  await app.listen(env.PORT, env.HOST);
  const url = env.PUBLIC_URL ?? (await app.getUrl());
  process.stdout.write(`  API:  ${url}\n${env.DOCS ? `  Docs: ${url}/docs\n` : ''}`);
} catch (error) {
  process.stderr.write(`${error instanceof ConfigurationError ? error.message : (error as Error).stack}\n`);
  process.exit(error instanceof ConfigurationError ? EXIT_CONFIGURATION : 1);
}
