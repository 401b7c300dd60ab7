/**
 * Letters that Unicode does not decompose, in lower case, and what people type for them. Unicode's own tables cover the
 * others (é, ü, ﬁ, Ａ). Follows the Latin-ASCII transform of CLDR where that has the letter.
 */
const PAIRS =
  'ß=ss æ=ae œ=oe ø=o ł=l đ=d ð=d ɖ=d ɗ=d þ=th ı=i ŋ=n ɲ=n ƞ=n ħ=h ŧ=t ƭ=t ʈ=t ⱦ=t ĸ=k ƙ=k ⱪ=k ƀ=b ɓ=b ƃ=b ƈ=c ȼ=c ƌ=d ' +
  'ǝ=e ə=e ɛ=e ɇ=e ƒ=f ɠ=g ǥ=g ⱨ=h ɨ=i ɪ=i ɩ=i ȷ=j ɉ=j ƚ=l ⱡ=l ɫ=l ꞵ=b ɔ=o ɵ=o ƥ=p ꝑ=p ɋ=q ɍ=r ɽ=r ʂ=s ʉ=u ʊ=u ʋ=v ɣ=g ' +
  'ⱳ=w ƴ=y ɏ=y ƶ=z ȥ=z ⱬ=z ⱥ=a ɑ=a ȣ=ou ꜩ=tz ꜳ=aa ꜵ=ao ꜷ=au ꜹ=av ꜽ=ay ꝏ=oo ' +
  // final sigma; the apostrophes and hyphens of word processors
  "ς=σ ʼ=' ’=' ‘=' ‐=- ‑=- –=-";

export const LETTERS: ReadonlyMap<string, string> = new Map(
  PAIRS.split(' ').map((pair) => pair.split('=') as [string, string]),
);
