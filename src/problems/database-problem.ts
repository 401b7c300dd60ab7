import { constraintIn, databaseErrorKind } from '../database/database-errors.js';
import { Problem } from './problem.js';

/** The unique constraints that a client can violate. */
const TAKEN = [
  { constraint: /live_email/, code: 'email_taken' },
  { constraint: /identities[._]/, code: 'identity_taken' },
] as const;

/** Maps a database error to its problem; undefined for other errors and for constraints that no client can violate. */
export function toDatabaseProblem(error: unknown): Problem | undefined {
  switch (databaseErrorKind(error)) {
    case 'duplicate': {
      const taken = TAKEN.find(({ constraint }) => constraint.test(constraintIn(error)));
      return taken && new Problem(taken.code);
    }
    case 'unfit':
      return new Problem('invalid_request', 'A value does not fit the column that stores it.');
    case 'conflict':
    case 'unavailable':
      return new Problem('database_unavailable');
    default:
      return undefined;
  }
}
