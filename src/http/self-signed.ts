import { isIP } from 'node:net';

const NAMES = ['localhost', '127.0.0.1', '::1'];

/** Creates a certificate for this machine at every start: the redirect URIs registered for development use https. */
export async function createSelfSignedCertificate(host: string): Promise<{ key: string; cert: string }> {
  // loaded only when needed, as loading it slows the start down
  const { generate } = await import('selfsigned');
  const names = [...new Set([...NAMES, host])].map((name) =>
    isIP(name) ? { type: 7 as const, ip: name } : { type: 2 as const, value: name },
  );
  const { private: key, cert } = await generate([{ name: 'commonName', value: 'localhost' }], {
    keySize: 2048,
    algorithm: 'sha256',
    extensions: [{ name: 'subjectAltName', altNames: names }],
  });
  return { key, cert };
}
