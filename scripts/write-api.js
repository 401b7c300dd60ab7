// Writes what is generated from the built service: openapi.json and docs/access.md. The tests compare them.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createService } from '../dist/src/app.setup.js';
import { readEnv } from '../dist/src/config/env.js';
import { accessTable } from '../dist/src/openapi/access-table.js';

const DATA_DIR = mkdtempSync(join(tmpdir(), 'crm-api-'));
const env = { DATA_DIR, LOG_LEVEL: 'error', ADMIN_EMAIL: 'api@example.com', ADMIN_PASSWORD: 'nobody signs in here' };
const { app, api } = await createService(readEnv(env));
await app.close();
rmSync(DATA_DIR, { recursive: true });

mkdirSync('docs', { recursive: true });
writeFileSync('openapi.json', `${JSON.stringify(api, null, 2)}\n`);
writeFileSync('docs/access.md', accessTable(api));
