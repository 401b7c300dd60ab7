import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Interrupted, UsageError } from './exit-codes.js';

/** From a terminal, twice and unseen; or all that comes through a pipe, save for the end of its line. */
export async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) return askTwice();
  const piped = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (!piped) throw new UsageError('There is no password on standard input. Pipe one, or use --invite.');
  return piped;
}

async function askTwice(): Promise<string> {
  // what is typed is echoed into nothing
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
  // one for both, as lines that are pasted come together; Ctrl-C and Ctrl-D end it
  const lines: AsyncIterator<string, undefined> = terminal[Symbol.asyncIterator]();
  const ask = async (question: string): Promise<string> => {
    process.stderr.write(question);
    const { value } = await lines.next();
    process.stderr.write('\n');
    if (value === undefined) throw new Interrupted();
    return value;
  };
  try {
    const password = await ask('Password: ');
    if ((await ask('Once more: ')) === password) return password;
    throw new UsageError('The two are not the same. Nothing was done.');
  } finally {
    terminal.close();
  }
}
