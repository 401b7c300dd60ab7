import type { DataSource } from 'typeorm';
import { UsedToken } from './auth/oauth/used-token.entity.js';
import { Session } from './auth/session.entity.js';
import { Customer } from './customers/customer.entity.js';
import { CustomerMerge } from './customers/customer-merge.entity.js';
import { CUSTOMER_SEARCH } from './customers/customer-search.js';
import { DirectQueries } from './database/direct-queries.js';
import { Lock } from './database/lock.entity.js';
import { History } from './history/history.entity.js';
import { RateLimit } from './limits/rate-limit.entity.js';
import { SearchIndex } from './search/search-index.js';
import type { StaleIndex } from './search/stale-rows.js';
import { CustomerWord, UserWord } from './search/word.entity.js';
import { ObjectRemoval } from './storage/object-removal.entity.js';
import { Identity } from './users/identity.entity.js';
import { User } from './users/user.entity.js';
import { USER_SEARCH } from './users/user-search.js';
import { IdempotencyRecord } from './writes/idempotency-record.entity.js';

/** Every table, for the connection: the service's, the tests' and the command line's. */
export const entities = [
  User,
  Identity,
  Customer,
  CustomerMerge,
  Session,
  UsedToken,
  RateLimit,
  History,
  IdempotencyRecord,
  ObjectRemoval,
  Lock,
  CustomerWord,
  UserWord,
];

/** Of every table that can be searched, for indexing existing rows after the migrations. */
export function searchIndexes(dataSource: DataSource): StaleIndex[] {
  const queries = new DirectQueries(dataSource);
  return [new SearchIndex(dataSource, queries, CUSTOMER_SEARCH), new SearchIndex(dataSource, queries, USER_SEARCH)];
}
