import { createService } from './app.setup.js';
import { ConfigurationError, EXIT_CONFIGURATION, loadEnv } from './config/env.js';

try {
  const env = loadEnv();
  const { app } = await createService(env);
  await app.listen(env.PORT, env.HOST);
  const url = env.PUBLIC_URL ?? (await app.getUrl());
  process.stdout.write(`  API:  ${url}\n${env.DOCS ? `  Docs: ${url}/docs\n` : ''}`);
} catch (error) {
  // Nest has logged the rest
  process.stderr.write(`Could not start: ${(error as Error).message}\n`);
  process.exit(error instanceof ConfigurationError ? EXIT_CONFIGURATION : 1);
}
