/** The versions that a change may start from; `*` is any. */
export type VersionCondition = ReadonlySet<number> | '*';

export const includesVersion = (condition: VersionCondition, version: number): boolean =>
  condition === '*' || condition.has(version);
