import { BlockList, isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';

/** By the keywords of `TRUSTED_PROXIES`. */
const NETWORKS: Record<string, string[]> = {
  loopback: ['127.0.0.0/8', '::1'],
  linklocal: ['169.254.0.0/16', 'fe80::/10'],
  uniquelocal: ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7'],
};

export type IsTrusted = (address: string | undefined) => boolean;

/**
 * Tells whether an address, as a socket or `X-Forwarded-For` has it, is a trusted proxy. Passed to Fastify as
 * `trustProxy`, whose own check takes an address with a port for an untrusted one.
 */
export function trustProxies(proxies: string[]): IsTrusted {
  const trusted = new BlockList();
  for (const network of proxies.flatMap((proxy) => NETWORKS[proxy] ?? [proxy])) {
    const [address, prefix] = network.split('/') as [string, string?];
    const family = familyOf(address);
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  return (text = '') => {
    const address = parseAddress(text);
    return address !== undefined && trusted.check(address, familyOf(address));
  };
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIP(address) === 6 ? 'ipv6' : 'ipv4');

/**
 * The IP address in an entry of `X-Forwarded-For`: some proxies add the port, and quotes and brackets as RFC 7239 requires
 * them in `Forwarded`. Undefined for `unknown` and anything else.
 */
export function parseAddress(text: string): string | undefined {
  const [, quoted] = /^"(.*)"$/.exec(text.trim()) ?? [];
  const entry = quoted ?? text.trim();
  const [, bracketed, v4] = /^(?:\[([^\]]*)\]|([\d.]+))(?::\d{1,5})?$/.exec(entry) ?? [];
  // without the zone of a link-local address, which has a meaning only on the machine of the proxy
  const address = (bracketed ?? v4 ?? entry).replace(/%.*$/, '');
  if (!isIP(address)) return undefined;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1] ?? address;
}

/** The address of the client, as far as trusted proxies report it; otherwise that of the proxy nearest to it. */
export function addressOf({ ips = [], socket }: FastifyRequest): string {
  // from the service to the client; all but the last entry are trusted proxies
  const addresses = [socket.remoteAddress, ...ips].map((text) => parseAddress(text ?? ''));
  return addresses.findLast((address) => address !== undefined) ?? '';
}

/** Limits IPv6 per /64, because one client has 2^64 addresses (RFC 6177). */
export function networkOf(ipAddress: string): string {
  if (!ipaddr.isValid(ipAddress)) return ipAddress;
  const address = ipaddr.process(ipAddress);
  return address.kind() === 'ipv4' ? address.toString() : (address as ipaddr.IPv6).parts.slice(0, 4).join(':');
}
