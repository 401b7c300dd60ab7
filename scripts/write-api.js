// Writes the committed documents that are generated from the built service: openapi.json, docs/access.md and
// docs/metrics.md. test/openapi.spec.ts and test/monitoring.spec.ts fail if they differ from the code.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format } from 'prettier';
import { createService } from '../dist/src/app.setup.js';
import { readEnv } from '../dist/src/config/env.js';
import { Metrics } from '../dist/src/metrics/metrics.js';
import { metricsDocument } from '../dist/src/metrics/metrics-document.js';
import { accessTable } from '../dist/src/openapi/access-table.js';

const DATA_DIR = mkdtempSync(join(tmpdir(), 'crm-api-'));
const env = {
  DATA_DIR,
  LOG_LEVEL: 'error',
  METRICS_PORT: '0',
  ADMIN_EMAIL: 'api@example.com',
  ADMIN_PASSWORD: 'never used to sign in',
};
const { app, api } = await createService(readEnv(env));
const metrics = await metricsDocument(app.get(Metrics));
await app.close();
rmSync(DATA_DIR, { recursive: true });

mkdirSync('docs', { recursive: true });
// an object on one line where it fits: half the lines to review
const FORMAT = { parser: 'json', printWidth: 140, tabWidth: 1 };
writeFileSync('openapi.json', await format(JSON.stringify(api), FORMAT));
writeFileSync('docs/access.md', accessTable(api));
writeFileSync('docs/metrics.md', metrics);
