import { TestEnvironment } from 'jest-environment-node';

// Jest reports a worker as leaking when it is still alive 500 ms after its last test. Releasing the heap of several test
// files takes that long on a busy machine although no handle is open, so workers exit without releasing it.
if (process.send) process.once('exit', (code) => process.exit(code));

export default TestEnvironment;
