/** Twice what any field accepts: longer text is refused, so it need not be converted first. */
const MAX_LENGTH = 508;

/**
 * E-mails are compared as bytes after trimming and lower-casing. Only pairs of letters that belong to each other are
 * converted: the lower case of the Kelvin sign is `k`, and that of a dotted I is two characters, but the addresses with
 * these letters belong to others.
 */
export function normalizeEmail(text: string): string {
  const trimmed = text.trim();
  return trimmed.length > MAX_LENGTH ? trimmed : trimmed.replace(/\p{Changes_When_Lowercased}/gu, toLowerCase);
}

/**
 * False for letters that `normalizeEmail` leaves as they are. They are refused in new e-mails: databases disagree about
 * their lower case, which the unique index contains.
 */
export const hasOneCase = (email: string): boolean => email === email.toLowerCase();

function toLowerCase(letter: string): string {
  const lower = letter.toLowerCase();
  return lower.toUpperCase() === letter ? lower : letter;
}
