/** A coding with an optional weight (RFC 9110, 12.4.2 and 12.5.3). */
const ITEM = /^([!#$%&'*+.^_`|~\w-]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?$/i;

/**
 * The coding that `Accept-Encoding` weighs most; of several, the first one in `available`. The plain content if the client
 * prefers it or accepts none of them, and without the header, as the client may be a tool that decodes nothing.
 */
export function preferredEncoding<Coding extends string>(
  header: string | undefined,
  available: readonly Coding[],
): Coding | 'identity' {
  const weights = new Map<string, number>();
  for (const item of (header ?? '').split(',')) {
    const [, coding = '', weight = '1'] = ITEM.exec(item.trim()) ?? [];
    // RFC 9110, 8.4.1.3
    if (coding) weights.set(coding.toLowerCase().replace(/^x-gzip$/, 'gzip'), Number(weight));
  }
  const weightOf = (coding: string): number => weights.get(coding) ?? weights.get('*') ?? 0;
  let preferred: Coding | 'identity' = 'identity';
  // a client that does not mention it accepts the plain content, but prefers what it names
  let most = weights.get('identity') ?? 0;
  for (const coding of available)
    if (weightOf(coding) > most || (preferred === 'identity' && weightOf(coding) > 0 && weightOf(coding) === most)) {
      preferred = coding;
      most = weightOf(coding);
    }
  return preferred;
}
