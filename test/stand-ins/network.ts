import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** Time for the server to act on requests whose answers are lost. */
const SILENCE_MS = 50;

/** A TCP proxy on loopback whose connections can break. */
export class Network {
  private readonly pairs = new Set<{ client: Socket; server: Socket }>();

  private constructor(private readonly proxy: Server) {}

  static async start(targetPort: number): Promise<Network> {
    const proxy = createServer();
    const network = new Network(proxy);
    proxy.on('connection', (client) => network.join(client, connect(targetPort, '127.0.0.1')));
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    return network;
  }

  get port(): number {
    return (this.proxy.address() as AddressInfo).port;
  }

  /** Ends all connections at once, wherever they are. */
  cut(): void {
    for (const { client, server } of this.pairs) for (const socket of [client, server]) socket.resetAndDestroy();
  }

  /** The server still gets everything, but its answers are lost with the connections. */
  async loseAnswers(): Promise<void> {
    for (const { client, server } of this.pairs) {
      server.unpipe(client);
      server.resume();
    }
    await sleep(SILENCE_MS);
    this.cut();
  }

  close(): void {
    this.proxy.close();
    this.cut();
  }

  private join(client: Socket, server: Socket): void {
    const pair = { client, server };
    this.pairs.add(pair);
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      socket.pipe(other);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.pairs.delete(pair);
        other.destroy();
      });
    }
  }
}
