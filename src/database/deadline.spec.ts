import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { startDeadline } from './deadline.js';

const DEADLINE_MS = 20;

/** Answers in a thread of its own, so also while the event loop of the test is blocked, and then sets `hasAnswered`. */
const ECHO = `
  const { createServer } = require('node:net');
  const { parentPort, workerData: hasAnswered } = require('node:worker_threads');
  const server = createServer((socket) =>
    socket.on('data', (data) =>
      socket.write(data, () => {
        Atomics.store(hasAnswered, 0, 1);
        Atomics.notify(hasAnswered, 0);
      }),
    ),
  );
  server.listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

describe('A deadline', () => {
  const hasAnswered = new Int32Array(new SharedArrayBuffer(4));
  let echo: Worker;
  let socket: Socket;
  beforeAll(async () => {
    echo = new Worker(ECHO, { eval: true, workerData: hasAnswered });
    const [port] = (await once(echo, 'message')) as [number];
    socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
  });
  afterAll(async () => {
    socket.destroy();
    await echo.terminate();
  });

  it('is not missed by an answer that arrived while the event loop was blocked', async () => {
    const start = performance.now();
    const events: string[] = [];
    const answered = startDeadline(DEADLINE_MS, () => events.push('missed'));
    socket.once('data', () => {
      events.push('answered');
      answered();
    });
    socket.write('ping');
    // in this turn of the event loop, until both the answer is there and the deadline has passed
    expect(Atomics.wait(hasAnswered, 0, 0, 30_000)).not.toBe('timed-out');
    while (performance.now() - start < 2 * DEADLINE_MS);
    await sleep(5 * DEADLINE_MS);
    expect(events).toEqual(['answered']);
  });

  it('is missed without an answer', async () => {
    await new Promise<void>((resolve) => void startDeadline(DEADLINE_MS, resolve));
  });

  it('is not missed after an answer', async () => {
    let isMissed = false;
    const answered = startDeadline(DEADLINE_MS, () => (isMissed = true));
    answered();
    await sleep(5 * DEADLINE_MS);
    expect(isMissed).toBe(false);
  });
});
