import { connect, type Socket } from 'node:net';
import type { Client } from './client.js';

export const portOf = ({ url }: Client): number => Number(new URL(url).port);

export function open(port: number, text: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => {
      if (text) socket.write(text, 'latin1');
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

/** All that comes back until the server hangs up. */
export async function raw(port: number, text: string): Promise<string> {
  return answerOn(await open(port, text));
}

/** As `raw`, and goes on sending spaces, slowly: never silent, and never done. */
export async function drip(port: number, text: string): Promise<string> {
  const socket = await open(port, text);
  const timer = setInterval(() => socket.write(' '), 100);
  return answerOn(socket).finally(() => clearInterval(timer));
}

function answerOn(socket: Socket): Promise<string> {
  socket.removeAllListeners('error');
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    // by then a connection that is still open stays so
    socket.setTimeout(3_000, () => socket.destroy());
  });
}

export const rawRequest = (port: number, lines: string[], body = ''): Promise<string> =>
  raw(port, `${lines.join('\r\n')}\r\n\r\n${body}`);
