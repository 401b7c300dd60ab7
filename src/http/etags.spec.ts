import { Problem } from '../problems/problem.js';
import { includesVersion } from '../writes/version-condition.js';
import { etagOf, parseIfMatch, parseVersions } from './etags.js';

/** The versions in a header, without tags in another format. */
const versionsIn = (header: string): unknown => {
  const versions = parseVersions(header);
  return versions instanceof Set ? [...versions].filter((version) => version !== 0) : versions;
};

describe('entity tags', () => {
  it('formats a version as a strong tag', () => {
    expect(etagOf(7)).toBe('"v7"');
    expect(versionsIn(etagOf(2_147_483_647))).toEqual([2_147_483_647]);
  });

  it.each([
    ['our own tag', '"v7"'],
    ['a weak tag', 'W/"v7"'],
    ['the suffix of a compressing proxy', '"v7-gzip"'],
    ['another suffix style', '"v7;br"'],
    ['a weak tag with a suffix', 'W/"v7-gzip"'],
    ['a tag with surrounding white space', '  "v7"\t'],
  ])('reads %s', (_, header) => {
    expect(versionsIn(header)).toEqual([7]);
  });

  it('reads a list as a set', () => {
    expect(versionsIn('"v7", W/"v8","v9-gzip" , "v7"')).toEqual([7, 8, 9]);
  });

  it('reads the asterisk as any version', () => {
    const any = parseVersions(' * ')!;
    expect(any).toBe('*');
    expect(includesVersion(any, 1)).toBe(true);
  });

  it.each(['"7"', '"v0"', '"v07"', '"v-7"', '"v7.5e3 "', '"v99999999999"', '"V7"', '"xyz"', '""', '"vv7"', '"v7x"'])(
    'treats %s as a foreign tag, which matches no version',
    (header) => {
      const versions = parseVersions(header);
      // a space is not allowed in a tag, so this is not a list of tags
      if (header.includes(' ')) return expect(versions).toBeUndefined();
      expect(versions).toBeDefined();
      for (const version of [0, 1, 7, 8, 99_999_999_999]) {
        if (version > 0)
          expect([header, version, includesVersion(versions!, version)]).toEqual([header, version, false]);
      }
    },
  );

  it.each(['', 'v7', '"v7', 'v7"', "'v7'", 'w/"v7"', 'W/v7', '"v7" "v8"', '"v7",', ',"v7"', '"v7", *', '**', '7'])(
    'refuses %p, which is not a list of tags',
    (header) => {
      expect(parseVersions(header)).toBeUndefined();
    },
  );

  it('returns no condition without If-Match', () => {
    expect(parseIfMatch(undefined)).toBeUndefined();
  });

  it('refuses a malformed If-Match, instead of ignoring the condition', () => {
    expect(() => parseIfMatch('v7')).toThrow(Problem);
    expect(() => parseIfMatch('')).toThrow(Problem);
    try {
      parseIfMatch('v7');
    } catch (error) {
      expect(error).toMatchObject({
        code: 'invalid_request',
        status: 400,
        extras: { errors: [{ pointer: 'If-Match' }] },
      });
    }
  });

  it('includes exactly the listed versions', () => {
    const versions = parseIfMatch('"v7", "v9"')!;
    expect([6, 7, 8, 9, 10].filter((version) => includesVersion(versions, version))).toEqual([7, 9]);
  });

  it('refuses malformed headers of 16 KiB', () => {
    const hostile = ['"'.repeat(16_384), `"v7${'-'.repeat(16_000)}`, `${'"v7",'.repeat(3_000)}x`, `W/`.repeat(8_000)];
    expect(hostile.map(parseVersions)).toEqual(hostile.map(() => undefined));
  });
});
