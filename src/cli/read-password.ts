import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { Interrupted, UsageError } from './exit-codes.js';

/** Prompts twice without echo on a terminal; otherwise reads a pipe to its end, without the final line break. */
export async function readPassword(): Promise<string> {
  if (process.stdin.isTTY) return promptTwice();
  const piped = (await text(process.stdin)).replace(/\r?\n$/, '');
  if (!piped) throw new UsageError('No password on standard input. Pipe one, or use --invite.');
  return piped;
}

async function promptTwice(): Promise<string> {
  // discards the echo of the typed text
  const output = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output, terminal: true, historySize: 0 });
  // one iterator for both prompts, as pasted lines arrive together; Ctrl-C and Ctrl-D end it
  const lines: AsyncIterator<string, undefined> = terminal[Symbol.asyncIterator]();
  const prompt = async (question: string): Promise<string> => {
    process.stderr.write(question);
    const { value } = await lines.next();
    process.stderr.write('\n');
    if (value === undefined) throw new Interrupted();
    return value;
  };
  try {
    const password = await prompt('Password: ');
    if ((await prompt('Repeat password: ')) === password) return password;
    throw new UsageError('The passwords do not match. Nothing was changed.');
  } finally {
    terminal.close();
  }
}
