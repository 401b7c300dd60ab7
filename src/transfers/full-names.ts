/** Words that belong to the surname that follows them. */
const PARTICLES = new Set(
  (
    'af al ap av bin bint da das de dei del della den der di do dos du el ibn la las le los mac mc san santa st ten ter ' +
    'van vom von y zu zum zur'
  ).split(' '),
);
/** Scripts that write the surname first: Han, and with it the Japanese and Korean ones. */
const SURNAME_FIRST = /^[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}ー々・\s]+$/u;

export interface Names {
  name?: string;
  surname?: string;
}

/** Splits a full name, as files with a single column for it need. A single word is the name, without a surname. */
export function splitFullName(text: string): Names {
  const full = text.trim().replace(/\s+/g, ' ');
  if (full === '') return {};
  const [before, after] = full.split(/, ?(.*)/);
  // "de la Cruz, Ana María"
  if (before && after) return { name: after, surname: before };
  if (SURNAME_FIRST.test(full)) return splitSurnameFirst(full);
  const words = full.split(' ');
  if (words.length === 1) return { name: full };
  let start = words.length - 1;
  while (start > 1 && PARTICLES.has(words[start - 1]!.toLowerCase())) start--;
  return { name: words.slice(0, start).join(' '), surname: words.slice(start).join(' ') };
}

function splitSurnameFirst(full: string): Names {
  const [surname = '', ...rest] = full.split(' ');
  if (rest.length > 0) return { surname, name: rest.join(' ') };
  const characters = [...full];
  if (characters.length === 1) return { name: full };
  // surnames have one character in two and three, and mostly two in longer names
  const length = characters.length > 3 ? 2 : 1;
  return { surname: characters.slice(0, length).join(''), name: characters.slice(length).join('') };
}
