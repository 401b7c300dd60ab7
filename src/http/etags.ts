import { Problem } from '../problems/problem.js';
import type { VersionCondition } from '../writes/version-condition.js';

export const etagOf = (version: number): string => `"v${version}"`;

// Proxies that compress make our tag weak or add a suffix: W/"v7", "v7-gzip", "v7;br"
const TAG = /^(?:W\/)?"v([1-9]\d{0,9})(?:[-;:.][\w-]*)?"$/;
const ANY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;

/** RFC 9110, section 13.1: a list of entity tags, or `*`. Tags in another format match no version. */
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
    throw Problem.invalid([
      { pointer: 'If-Match', code: 'not_an_etag', message: 'Must be * or a list of ETags such as "v7".' },
    ]);
  return versions;
}
