/** A longer name has more room for typos; two typos turn a shorter one into any other. */
const SHORT_LENGTH = 6;

/** The known name that a misspelled one most likely means; undefined for a known name, and for one that resembles none. */
export function similarName(name: string, known: readonly string[]): string | undefined {
  if (known.includes(name)) return undefined;
  const spelled = name.toUpperCase().replaceAll('-', '_');
  const typosIn = ({ length }: string): number => (Math.min(length, spelled.length) < SHORT_LENGTH ? 1 : 2);
  const ranked = known
    // each typo changes the length by one at most: spares every start most of the comparisons
    .filter((candidate) => Math.abs(candidate.length - spelled.length) <= typosIn(candidate))
    .map((candidate) => ({ candidate, distance: editDistance(spelled, candidate) }))
    .filter(({ candidate, distance }) => distance <= typosIn(candidate))
    .toSorted((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** Letters that were replaced, added, left out or swapped with their neighbour (optimal string alignment). */
function editDistance(one: string, other: string): number {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const isEqual = one[i - 1] === other[j - 1];
      const isSwapped = i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1];
      row[j] = Math.min(
        rows[i - 1]![j]! + 1,
        row[j - 1]! + 1,
        rows[i - 1]![j - 1]! + (isEqual ? 0 : 1),
        isSwapped ? rows[i - 2]![j - 2]! + 1 : Infinity,
      );
    }
    rows.push(row);
  }
  return rows[one.length]![other.length]!;
}
