import { isIP } from 'node:net';

const NAMES = ['localhost', '127.0.0.1', '::1'];

/** A certificate for this machine alone, new at every start: the redirect addresses registered for development are https. */
export async function createSelfSignedCertificate(host: string): Promise<{ key: string; cert: string }> {
  // loaded when it is needed: it takes a while, of a start that has none to spare
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
