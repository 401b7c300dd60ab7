/**
 * Rules about characters that a reader cannot see or tell apart: with them, two texts look the same, or one looks like
 * another (Unicode Technical Report 36).
 */

/**
 * Invisible characters that belong to a word or an emoji: joiners in scripts whose letters change shape, and between
 * emoji; variation selectors of emoji, Han and Mongolian letters; the tags of regional flags.
 */
const VISIBLE_EFFECT = new RegExp(
  [
    String.raw`(?<=[\p{scx=Arab}\p{scx=Syrc}\p{scx=Nkoo}\p{scx=Adlm}\p{scx=Rohg}\p{scx=Mong}\p{scx=Deva}\p{scx=Beng}` +
      String.raw`\p{scx=Guru}\p{scx=Gujr}\p{scx=Orya}\p{scx=Taml}\p{scx=Telu}\p{scx=Knda}\p{scx=Mlym}\p{scx=Sinh}` +
      String.raw`\p{scx=Tibt}\p{scx=Mymr}\p{scx=Khmr}\p{scx=Java}\p{scx=Bali}\p{scx=Cakm}])[\u200c\u200d]`,
    String.raw`(?<=\p{ExtPict}\p{EMod}?\ufe0f?)\u200d(?=\p{ExtPict})`,
    String.raw`(?<=[\p{Emoji}\p{scx=Hani}\p{sc=Mong}\p{sc=Mymr}\p{sc=Phag}])[\ufe00-\ufe0f]`,
    String.raw`(?<=\p{scx=Hani})[\u{e0100}-\u{e01ef}]`,
    String.raw`(?<=\p{sc=Mong})[\u180b-\u180f]`,
    String.raw`(?<=\u{1f3f4})[\u{e0030}-\u{e0039}\u{e0061}-\u{e007a}]{3,6}\u{e007f}`,
  ].join('|'),
  'gu',
);

/** Also U+2800 (a blank Braille cell), U+FFF9 to U+FFFC (annotations, embedded objects) and U+FFFD (lost text). */
const INVISIBLE =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}\u2800\ufff9-\ufffd]|(?! )\p{Zs}/u;

/** Controls except tabs and line breaks, characters that reorder the text that follows them, and U+FFFD. */
const DISRUPTIVE = /(?![\t\n\r])\p{Cc}|[\u202a-\u202e\u2066-\u2069\ufffd\p{Noncharacter_Code_Point}]/u;

/**
 * RFC 8264 disallows these in identifiers: what is no text or cannot be seen, also as part of a word. Unlike there,
 * symbols are allowed, as some providers have e-mails with emoji.
 */
const NOT_IN_IDENTIFIERS = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffd]/u;

/** Letters, digits, punctuation and symbols; private and future characters may be visible. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}\p{Co}\p{Cn}]/u;

/** The first character that is invisible and has no visible effect on its neighbours, or an exotic space. */
export const findInvisible = (text: string): string | undefined =>
  INVISIBLE.exec(text.replace(VISIBLE_EFFECT, ''))?.[0];

/** The first character that text of several lines must not have. */
export const findDisruptive = (text: string): string | undefined => DISRUPTIVE.exec(text)?.[0];

/** The first character with which an identifier looks like another one. */
export const findConfusable = (identifier: string): string | undefined => NOT_IN_IDENTIFIERS.exec(identifier)?.[0];

export const isVisible = (text: string): boolean => VISIBLE.test(text);

/** Names a character that may be invisible: U+200B. */
export const codePointOf = (character: string): string =>
  `U+${character.codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0')}`;

const BLANKS = '\t\n\v\f\r ';

/**
 * Removes blanks at both ends. `String.trim` also removes a byte order mark and exotic spaces, which would make an e-mail
 * with them an alias.
 */
export function trimBlanks(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && BLANKS.includes(text[start]!)) start++;
  while (end > start && BLANKS.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}
