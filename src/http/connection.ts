import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';

/** Bytes of an unread body that are read and discarded. For a longer body the connection ends instead. */
export const MAX_DISCARDED_BYTES = 64 * 1024;
/** Time for the client to read the response on a connection that ends. */
const LINGER_MS = 5_000;

export type Handler = (request: IncomingMessage, response: ServerResponse) => void;

interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
}

/**
 * Handles the requests of one connection one after the other, as nginx does: an unread response is then the only
 * one in memory. It is also the only one that Node 20 and 22 tell of a closed connection; responses queued behind it would
 * get no `close` event.
 */
export class Connection {
  private current?: Exchange;
  private last?: Exchange;
  private readonly queue: Exchange[] = [];
  private refuse?: () => void;
  private isEnding = false;
  /** Whether the body of the current request may take longer than Node's `requestTimeout`. */
  hasLongBody = false;

  constructor(
    private readonly socket: Socket,
    private readonly handle: Handler,
    private readonly counter: { queued: number },
  ) {
    // Node calls this after the last response. With unread data it would reset the connection: a client that is still
    // sending its body could lose the response (RFC 9112, 9.6).
    socket.destroySoon = () => {
      if (this.current?.request.complete === false) this.linger();
      else Socket.prototype.destroySoon.call(socket);
    };
    socket.once('close', () => {
      this.dropQueue();
      // Node ends the reader of a body only if its response is still to be sent
      if (this.last?.request.complete === false) this.last.request.destroy();
    });
  }

  receive(exchange: Exchange): void {
    if (this.isEnding) return;
    if (!this.current && this.queue.length === 0) return this.start(exchange);
    this.queue.push(exchange);
    this.counter.queued++;
    // after the chunk that is being parsed, as Node resumes the socket after every message
    if (this.queue.length === 1) process.nextTick(() => this.queue.length > 0 && this.socket.pause());
  }

  /** Ends the connection after an error of the parser. `send` writes the response to the message that it could not read. */
  fail(send: (response?: ServerResponse) => void): void {
    if (this.isEnding || this.refuse) return;
    if (this.current?.request.complete || this.queue.length > 0) {
      // the responses to earlier messages come first
      this.refuse = () => this.endWith(send);
      this.socket.pause();
    } else if (!this.current) {
      if (this.last?.request.complete === false) this.socket.destroy();
      else this.endWith(send);
    } else if (this.current.response.headersSent) this.socket.destroy();
    else send(this.current.response);
  }

  private endWith(send: () => void): void {
    send();
    this.linger();
  }

  private start(exchange: Exchange): void {
    this.current = exchange;
    this.last = exchange;
    this.hasLongBody = false;
    exchange.response.once('close', () => this.next());
    this.handle(exchange.request, exchange.response);
  }

  private next(): void {
    this.current = undefined;
    if (this.queue.length > 0) {
      // other connections have their turn in between
      setImmediate(() => {
        const next = this.queue.shift();
        if (!next) return;
        this.counter.queued--;
        if (this.queue.length === 0 && !this.refuse) this.socket.resume();
        this.start(next);
      });
    } else this.refuse?.();
  }

  private dropQueue(): void {
    this.counter.queued -= this.queue.length;
    this.queue.length = 0;
  }

  /** Sends what is left, reads little more, and closes the connection even if the client does not. */
  private linger(): void {
    this.isEnding = true;
    this.dropQueue();
    const { socket, current } = this;
    socket.end();
    let discarded = 0;
    socket.on('data', (chunk: Buffer) => {
      discarded += chunk.length;
      if (discarded >= MAX_DISCARDED_BYTES) socket.pause();
    });
    current?.request.unpipe().resume();
    socket.resume();
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    socket.once('close', () => clearTimeout(timer));
  }
}
