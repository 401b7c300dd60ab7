import { FlaskSchema1700000000001 } from './1700000000001-flask-schema.js';
import { Utf8mb41700000000002 } from './1700000000002-utf8mb4.js';
import { Milliseconds1700000000003 } from './1700000000003-milliseconds.js';
import { Versions1700000000004 } from './1700000000004-versions.js';
import { LiveEmails1700000000005 } from './1700000000005-live-emails.js';
import { CustomerDetails1700000000006 } from './1700000000006-customer-details.js';
import { ForeignKeyIndexes1700000000007 } from './1700000000007-foreign-key-indexes.js';
import { History1700000000008 } from './1700000000008-history.js';
import { IdempotencyRecords1700000000009 } from './1700000000009-idempotency-records.js';
import { Sessions1700000000010 } from './1700000000010-sessions.js';
import { PasswordTokens1700000000011 } from './1700000000011-password-tokens.js';
import { Mutexes1700000000012 } from './1700000000012-mutexes.js';
import { RateLimits1700000000013 } from './1700000000013-rate-limits.js';
import { Identities1700000000014 } from './1700000000014-identities.js';
import { SpentTokens1700000000015 } from './1700000000015-spent-tokens.js';
import { Photos1700000000016 } from './1700000000016-photos.js';
import { PhotoSweep1700000000017 } from './1700000000017-photo-sweep.js';
import { HistoryStates1700000000018 } from './1700000000018-history-states.js';
import { IdempotencyResources1700000000019 } from './1700000000019-idempotency-resources.js';
import { ActiveSessions1700000000020 } from './1700000000020-active-sessions.js';
import { LegacyValues1700000000021 } from './1700000000021-legacy-values.js';
import { EmailLetters1700000000022 } from './1700000000022-email-letters.js';
import { SearchColumns1700000000025 } from './1700000000025-search-columns.js';
import { SearchIndexes1700000000026 } from './1700000000026-search-indexes.js';
import { UserOrder1700000000027 } from './1700000000027-user-order.js';
import { MergedAndErasedCustomers1700000000030 } from './1700000000030-merged-and-erased-customers.js';
import { CustomerMerges1700000000031 } from './1700000000031-customer-merges.js';
import { RelatedAnswers1700000000032 } from './1700000000032-related-answers.js';
import { ObjectRemovals1700000000033 } from './1700000000033-object-removals.js';
import { Vacuum1700000000034 } from './1700000000034-vacuum.js';
import { AdoptedCustomers1700000000035 } from './1700000000035-adopted-customers.js';
import { HistoryTimes1700000000036 } from './1700000000036-history-times.js';
import { ListIndexes1700000000037 } from './1700000000037-list-indexes.js';

/** In order, append-only: what has been released is never edited. */
export const migrations = [
  FlaskSchema1700000000001,
  Utf8mb41700000000002,
  Milliseconds1700000000003,
  Versions1700000000004,
  LiveEmails1700000000005,
  CustomerDetails1700000000006,
  ForeignKeyIndexes1700000000007,
  History1700000000008,
  IdempotencyRecords1700000000009,
  Sessions1700000000010,
  PasswordTokens1700000000011,
  Mutexes1700000000012,
  RateLimits1700000000013,
  Identities1700000000014,
  SpentTokens1700000000015,
  Photos1700000000016,
  PhotoSweep1700000000017,
  HistoryStates1700000000018,
  IdempotencyResources1700000000019,
  ActiveSessions1700000000020,
  LegacyValues1700000000021,
  EmailLetters1700000000022,
  SearchColumns1700000000025,
  SearchIndexes1700000000026,
  UserOrder1700000000027,
  MergedAndErasedCustomers1700000000030,
  CustomerMerges1700000000031,
  RelatedAnswers1700000000032,
  ObjectRemovals1700000000033,
  Vacuum1700000000034,
  AdoptedCustomers1700000000035,
  HistoryTimes1700000000036,
  ListIndexes1700000000037,
];
