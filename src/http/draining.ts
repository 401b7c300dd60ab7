import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { Env } from '../config/env.js';

/** What a platform, a terminal and a container engine end a process with. */
export const SHUTDOWN_SIGNALS = ['SIGTERM', 'SIGINT'];

/** What is in flight may end; a client that does not read its answer would otherwise keep the process for ever. */
const IN_FLIGHT_MS = 10_000;
const IDLE_CHECK_MS = 200;
/** For the connections to the database, which may be frozen. With 15 s of draining it adds up to less than 30 s. */
const CLOSING_MS = 2_000;
/** npm passes on what the terminal has sent to all of its processes already: so soon it is the same signal. */
const DUPLICATE_SIGNAL_MS = 1_000;

/**
 * Ends the process so that no request is lost. A load balancer goes on sending requests until its checks have failed
 * a few times: for so long they are served, while `/readyz` answers 503 and every answer asks to close its connection.
 * Then the listener closes, what is in flight ends, and at last everything else.
 */
@Injectable()
export class Draining implements BeforeApplicationShutdown {
  private hasBegun = false;
  private server?: Server;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly env: Env) {}

  get isDraining(): boolean {
    return this.hasBegun;
  }

  register(fastify: FastifyInstance): void {
    fastify.addHook('onSend', (_, reply, __, done) => {
      if (this.hasBegun) void reply.header('Connection', 'close');
      done();
    });
    this.server = fastify.server;
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  async beforeApplicationShutdown(signal?: string): Promise<void> {
    // without a signal nobody sends requests: it is a test or a script that closes the service
    if (signal) await this.drain();
    // browsers open connections for later; to Node one that has not been used yet is not idle
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
    const { server } = this;
    if (!server) return;
    const timers = [
      // as soon as what they carry has ended
      setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS).unref(),
      setTimeout(() => server.closeAllConnections(), IN_FLIGHT_MS).unref(),
    ];
    server.once('close', () => timers.forEach((timer) => clearTimeout(timer)));
  }

  private async drain(): Promise<void> {
    this.hasBegun = true;
    const drainMs = this.env.DRAIN_SECONDS * 1000;
    setTimeout(() => process.exit(0), drainMs + IN_FLIGHT_MS + CLOSING_MS).unref();
    setTimeout(endAtNextSignal, DUPLICATE_SIGNAL_MS).unref();
    await sleep(drainMs);
  }
}

function endAtNextSignal(): void {
  for (const signal of SHUTDOWN_SIGNALS) process.once(signal, () => process.exit(1));
}
