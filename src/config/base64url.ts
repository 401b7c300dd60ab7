/** Decodes canonical base64url (RFC 4648, section 5). Returns undefined for other encodings of the same bytes. */
export function decodeBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
