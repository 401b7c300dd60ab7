const GMAIL = new Set(['gmail.com', 'googlemail.com']);

/** Common providers. A domain that differs from one of them by one letter is taken for a misspelling of it. */
const PROVIDERS = [
  ...['gmail.com', 'googlemail.com', 'hotmail.com', 'outlook.com', 'yahoo.com', 'icloud.com', 'protonmail.com'],
  ...['gmx.com', 'gmx.net', 'gmx.de', 'gmx.at', 'gmx.ch', 't-online.de', 'freenet.de', 'comcast.net', 'laposte.net'],
  ...[
    'hotmail.co.uk',
    'hotmail.de',
    'hotmail.es',
    'hotmail.fr',
    'hotmail.it',
    'outlook.de',
    'outlook.es',
    'outlook.fr',
  ],
  ...['yahoo.co.uk', 'yahoo.co.in', 'yahoo.co.jp', 'yahoo.com.br', 'yahoo.de', 'yahoo.es', 'yahoo.fr', 'yahoo.it'],
  ...['orange.fr', 'wanadoo.fr', 'libero.it', 'yandex.ru', 'proton.me'],
];
/** Other owners' domains that look like misspellings. */
const OTHERS = new Set([...PROVIDERS, 'mail.com', 'email.com', 'ymail.com', 'cloud.com']);

/**
 * The mailbox that an e-mail most likely reaches: without a plus-tag, for Gmail without dots, and with a misspelled
 * domain of a common provider corrected. For finding duplicates only: other providers may deliver `a+b@` elsewhere. Null
 * for text that is no e-mail.
 */
export function mailboxOf(email: string): string | null {
  const at = email.lastIndexOf('@');
  if (at < 1) return null;
  const domain = correctedDomain(email.slice(at + 1).toLowerCase());
  const local = email.slice(0, at).toLowerCase();
  const untagged = local.replace(/(?<=.)\+.*$/su, '');
  return GMAIL.has(domain) ? `${untagged.replaceAll('.', '')}@gmail.com` : `${untagged}@${domain}`;
}

const correctedDomain = (domain: string): string =>
  OTHERS.has(domain) ? domain : (PROVIDERS.find((provider) => isMisspelling(domain, provider)) ?? domain);

function isMisspelling(domain: string, provider: string): boolean {
  if (Math.abs(domain.length - provider.length) > 1) return false;
  const suffix = provider.slice(provider.indexOf('.'));
  // another country is no misspelling: hotmail.be is not hotmail.de
  if (/\.[a-z]{2}$/.test(suffix) && !domain.endsWith(suffix)) return false;
  return differByOne(domain, provider);
}

/** Whether one letter was replaced, added or left out, or two neighbours were swapped (Damerau's edit distance of 1). */
function differByOne(one: string, other: string): boolean {
  let start = 0;
  while (start < one.length && one[start] === other[start]) start++;
  let end = 0;
  const shorter = Math.min(one.length, other.length);
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end++;
  const [left, right] = [one.slice(start, one.length - end), other.slice(start, other.length - end)];
  const isSwapped = left.length === 2 && right.length === 2 && left[0] === right[1] && left[1] === right[0];
  return isSwapped || (left.length <= 1 && right.length <= 1);
}
