import { UsedToken } from './auth/oauth/used-token.entity.js';
import { Session } from './auth/session.entity.js';
import { Customer } from './customers/customer.entity.js';
import { Lock } from './database/lock.entity.js';
import { History } from './history/history.entity.js';
import { RateLimit } from './limits/rate-limit.entity.js';
import { Identity } from './users/identity.entity.js';
import { User } from './users/user.entity.js';
import { IdempotencyRecord } from './writes/idempotency-record.entity.js';

/** Every table, for the connection: the service's, the tests' and the command line's. */
export const entities = [User, Identity, Customer, Session, UsedToken, RateLimit, History, IdempotencyRecord, Lock];
