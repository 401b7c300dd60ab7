const GMAIL = new Set(['gmail.com', 'googlemail.com']);

/**
 * The mailbox that an e-mail most likely reaches: without a plus-tag, and for Gmail without dots. For finding
 * duplicates only: other providers may deliver `a+b@` elsewhere. Null for text that is no e-mail.
 */
export function mailboxOf(email: string): string | null {
  const at = email.lastIndexOf('@');
  if (at < 1) return null;
  const domain = email.slice(at + 1).toLowerCase();
  const local = email.slice(0, at).toLowerCase();
  const untagged = local.replace(/(?<=.)\+.*$/su, '');
  return GMAIL.has(domain) ? `${untagged.replaceAll('.', '')}@gmail.com` : `${untagged}@${domain}`;
}
