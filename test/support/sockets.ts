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

/** Sends the text and returns everything received until the server closes the connection. */
export async function raw(port: number, text: string): Promise<string> {
  return responseOn(await open(port, text));
}

/** Like `raw`, but keeps sending spaces slowly: never idle, and never complete. */
export async function drip(port: number, text: string): Promise<string> {
  const socket = await open(port, text);
  const timer = setInterval(() => socket.write(' '), 100);
  return responseOn(socket).finally(() => clearInterval(timer));
}

function responseOn(socket: Socket): Promise<string> {
  socket.removeAllListeners('error');
  const chunks: Buffer[] = [];
  return new Promise((resolve) => {
    socket.on('data', (chunk) => chunks.push(chunk));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => resolve(Buffer.concat(chunks).toString('latin1')));
    // a connection still open after this time stays open
    socket.setTimeout(3_000, () => socket.destroy());
  });
}

export const rawRequest = (port: number, lines: string[], body = ''): Promise<string> =>
  raw(port, `${lines.join('\r\n')}\r\n\r\n${body}`);
