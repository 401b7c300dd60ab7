import { DataSource } from 'typeorm';
import { loadEnv } from '../config/env.js';
import { connectionOptions, withoutTimeouts } from '../database/data-source.js';
import { entities } from '../entities.js';

/** For TypeORM's own command line only: `npm run migrate:make` passes this file with `-d`. */
export default new DataSource(withoutTimeouts(await connectionOptions(loadEnv(), entities)));
