import type { ServerResponse } from 'node:http';

export type Fault =
  'returns 500' | 'hangs' | 'sends 50 MB' | 'redirects elsewhere' | 'hangs up' | 'sends rubbish' | 'sends null';

export function misbehave(fault: Fault, response: ServerResponse): void {
  switch (fault) {
    case 'returns 500':
      response.writeHead(500).end('a secret of the provider');
      return;
    case 'hangs':
      return;
    case 'sends 50 MB': {
      response.writeHead(200, { 'content-type': 'application/json' });
      const chunk = Buffer.alloc(1024 * 1024, ' ');
      const send = (left: number): void => {
        if (left === 0 || response.destroyed) response.end('{}');
        else if (response.write(chunk)) setImmediate(send, left - 1);
        else response.once('drain', () => send(left - 1));
      };
      send(50);
      return;
    }
    case 'redirects elsewhere':
      response.writeHead(302, { location: 'http://169.254.169.254/computeMetadata/v1/' }).end();
      return;
    case 'hangs up':
      response.destroy();
      return;
    case 'sends rubbish':
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"access_token":');
      return;
    case 'sends null':
      response.writeHead(200, { 'content-type': 'application/json' }).end('null');
  }
}
