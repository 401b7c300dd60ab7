import type { FastifyRequest } from 'fastify';
import { databaseErrorKind } from '../database/database-errors.js';

const INTERVAL_MS = 500;

/**
 * Returns a function that throws once the user has been deleted, demoted or signed out: a long transfer would otherwise go
 * on for hours. Cheap enough to call for every batch.
 */
export function createAccessCheck(request: FastifyRequest): () => Promise<void> {
  let lastCheck = performance.now();
  return async () => {
    if (performance.now() - lastCheck < INTERVAL_MS) return;
    lastCheck = performance.now();
    try {
      await request.confirmAccess?.();
    } catch (error) {
      // nothing can be read or written either: the transfer waits for the database
      if (databaseErrorKind(error) !== 'unavailable') throw error;
    }
  };
}
