/** The bytes of canonical base64url (RFC 4648, 5); undefined for any other spelling, as base64 can spell bytes in several ways. */
export function decodeBase64Url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}
