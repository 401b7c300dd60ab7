import { Problem } from '../problems/problem.js';
import type { VersionCondition } from '../writes/version-condition.js';

export const etagOf = (version: number): string => `"v${version}"`;

// Proxies that compress weaken our tag or mark it: W/"v7", "v7-gzip", "v7;br"
const TAG = /^(?:W\/)?"v([1-9]\d{0,9})(?:[-;:.][\w-]*)?"$/;
const ANY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** RFC 9110, section 13.1: a list of entity tags, or `*`. Tags that are not ours match nothing. */
export function parseVersions(header: string): VersionCondition | undefined {
  if (header.trim() === '*') return '*';
  const tags = header.split(',').map((tag) => tag.trim());
  if (!tags.every((tag) => ANY_TAG.test(tag))) return undefined;
  return new Set(tags.map((tag) => Number(TAG.exec(tag)?.[1] ?? 0)));
}

export function parseIfMatch(header: string | undefined): VersionCondition | undefined {
  if (header === undefined) return undefined;
  const versions = parseVersions(header);
  if (!versions)
    throw Problem.invalid([{ pointer: 'If-Match', code: 'not_an_etag', message: 'must be * or ETags such as "v7"' }]);
  return versions;
}
