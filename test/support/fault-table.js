// A reporter of jest: what each fault did, as a table. JavaScript, as jest loads it without a transform.
import { basename } from 'node:path';

export default class FaultTable {
  onRunComplete(_contexts, { testResults }) {
    const rows = testResults.flatMap(({ testFilePath, testResults: tests, testExecError }) =>
      testExecError
        ? [[basename(testFilePath), 'FAILED', '']]
        : tests
            .filter(({ status }) => status !== 'pending')
            .map(({ fullName, status, duration }) => [
              fullName,
              status === 'passed' ? 'withstood' : 'FAILED',
              `${((duration ?? 0) / 1000).toFixed(1)} s`,
            ]),
    );
    const widths = [0, 1, 2].map((n) => Math.max(...rows.map((row) => row[n].length)));
    const line = (cells) => `| ${cells.map((cell, n) => cell.padEnd(widths[n])).join(' | ')} |\n`;
    process.stdout.write(line(['Fault', 'Result', 'Time']) + line(widths.map((width) => '-'.repeat(width))));
    for (const row of rows) process.stdout.write(line(row));
  }
}
