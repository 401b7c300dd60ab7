/**
 * The form of a password that is hashed, so that it is the same from every keyboard and system: OpaqueString (RFC 8265,
 * 4.2), which makes all spaces U+0020, with NFKC instead of NFC, as NIST SP 800-63B (3.1.1.2) recommends: fullwidth
 * letters of an Asian keyboard are the same as others.
 */
export const preparePassword = (password: string): string => password.replace(/\p{Zs}/gu, ' ').normalize('NFKC');
