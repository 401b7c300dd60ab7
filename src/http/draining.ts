import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { Env } from '../config/env.js';

/** Sent by platforms and container engines (SIGTERM) and by terminals (SIGINT). */
export const SHUTDOWN_SIGNALS = ['SIGTERM', 'SIGINT'];

/** Time for requests in progress. Without a limit, a client that does not read its response keeps the process alive. */
const COMPLETION_MS = 10_000;
const IDLE_CHECK_MS = 200;
/** Time to close the database connections, which may hang. Together with 15 s of draining, less than 30 s. */
const CLOSING_MS = 2_000;
/** npm forwards the terminal's signal; ignore a duplicate within 1 s. */
const DUPLICATE_SIGNAL_MS = 1_000;

/**
 * Shuts the process down without losing requests. A load balancer keeps sending requests until several of its checks have
 * failed: until then they are served, while `/readyz` responds 503 and every response closes its connection. Then the
 * listener closes, requests in progress complete, and the rest of the service shuts down.
 */
@Injectable()
export class Draining implements BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger('Shutdown');
  private hasStarted = false;
  private readonly shutdown = new AbortController();
  private readonly closingController = new AbortController();
  private server?: Server;
  private readonly sockets = new Set<Socket>();

  constructor(private readonly env: Env) {}

  get isDraining(): boolean {
    return this.hasStarted;
  }

  /** Aborted when the shutdown begins, with or without draining: requests that only wait are then answered at once. */
  get signal(): AbortSignal {
    return this.shutdown.signal;
  }

  /** Aborts when the listener closes: requests in progress then have 10 s left. */
  get closing(): AbortSignal {
    return this.closingController.signal;
  }

  register(fastify: FastifyInstance): void {
    fastify.addHook('onSend', (_, reply, __, done) => {
      if (this.hasStarted) void reply.header('Connection', 'close');
      done();
    });
    this.server = fastify.server;
    this.server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  async beforeApplicationShutdown(signal?: string): Promise<void> {
    this.hasStarted = signal !== undefined;
    this.shutdown.abort();
    // without a signal, a test or a script closes the service and no client needs draining
    if (signal) await this.drain(signal);
    this.closingController.abort();
    // browsers open connections in advance; Node does not count an unused one as idle
    for (const socket of this.sockets) if (socket.bytesRead === 0) socket.destroy();
    const { server } = this;
    if (!server) return;
    const timers = [
      // as soon as their requests are complete
      setInterval(() => server.closeIdleConnections(), IDLE_CHECK_MS).unref(),
      setTimeout(() => this.closeAll(server), COMPLETION_MS).unref(),
    ];
    server.once('close', () => timers.forEach((timer) => clearTimeout(timer)));
  }

  /** The listener and all connections are closed by now. */
  onApplicationShutdown(signal?: string): void {
    if (signal) this.logger.log('Stopped');
  }

  private closeAll(server: Server): void {
    const { size: connections } = this.sockets;
    if (connections > 0)
      this.logger.warn({ message: 'Ending connections whose requests did not complete', connections });
    server.closeAllConnections();
  }

  private async drain(signal: string): Promise<void> {
    const { DRAIN_SECONDS } = this.env;
    const drainMs = DRAIN_SECONDS * 1000;
    setTimeout(
      () => this.exit(0, 'Stopped: connections to clients or the database did not close in time'),
      drainMs + COMPLETION_MS + CLOSING_MS,
    ).unref();
    setTimeout(() => this.exitOnNextSignal(), DUPLICATE_SIGNAL_MS).unref();
    this.logger.log(`Received ${signal}: /readyz responds 503, requests are served for another ${DRAIN_SECONDS} s`);
    await sleep(drainMs);
    this.logger.log({
      message: 'Closing the listener; waiting for requests in progress',
      connections: this.sockets.size,
    });
  }

  private exitOnNextSignal(): void {
    for (const signal of SHUTDOWN_SIGNALS)
      process.once(signal, () => this.exit(1, `Stopped at once: received another ${signal}`));
  }

  private exit(code: number, reason: string): void {
    this.logger.warn(reason);
    process.exit(code);
  }
}
