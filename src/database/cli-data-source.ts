import { DataSource } from 'typeorm';
import { loadEnv } from '../config/env.js';
import { entities } from '../entities.js';
import { connectionOptions, withoutTimeouts } from './data-source.js';

/** For TypeORM's command line only: `npx typeorm migration:... -d dist/src/database/cli-data-source.js`. */
export default new DataSource(withoutTimeouts(await connectionOptions(loadEnv(), entities)));
