import { DataSource } from 'typeorm';
import { loadEnv } from '../config/env.js';
import { entities } from '../entities.js';
import { connectionOptions, withPatience } from './data-source.js';

/** For TypeORM's command line only: `npx typeorm migration:... -d dist/src/database/cli-data-source.js`. */
export default new DataSource(withPatience(await connectionOptions(loadEnv(), entities)));
