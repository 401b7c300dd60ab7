import { jest } from '@jest/globals';
import { Logger, type LoggerService } from '@nestjs/common';
import { FailureLog } from './failure-log.js';

describe('the log of failures', () => {
  let lines: Array<Record<string, unknown>>;
  beforeEach(() => {
    lines = [];
    const collect = (level: string) => (fields: object) => void lines.push({ level, ...fields });
    const collector = { log: collect('log'), warn: collect('warn'), error: collect('error') };
    Logger.overrideLogger(collector satisfies LoggerService);
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
    Logger.overrideLogger(['log', 'warn', 'error', 'fatal']);
  });

  it('has the first failure at once, then the number of repetitions once a minute', () => {
    const failures = new FailureLog('Test', 'error');
    const report = (times: number): void => {
      for (let n = 0; n < times; n++) failures.report('refused', { message: 'No answer', fix: 'Start it.' });
    };
    report(100);
    expect(lines).toEqual([{ level: 'error', message: 'No answer', fix: 'Start it.' }]);
    jest.advanceTimersByTime(59_999);
    expect(lines).toHaveLength(1);
    jest.advanceTimersByTime(1);
    expect(lines[1]).toEqual({ level: 'error', message: 'No answer', fix: 'Start it.', repeated: 99 });
    report(3);
    jest.advanceTimersByTime(60_000);
    expect(lines[2]).toMatchObject({ repeated: 3 });
    jest.advanceTimersByTime(600_000);
    expect(lines).toHaveLength(3);
    // another outage, later
    report(1);
    expect(lines).toHaveLength(4);
    expect(lines[3]).not.toHaveProperty('repeated');
  });

  it('counts each kind by itself', () => {
    const failures = new FailureLog('Test');
    failures.report('refused', { message: 'No answer' });
    failures.report('full', { message: 'Disk full' });
    expect(lines).toEqual([
      { level: 'warn', message: 'No answer' },
      { level: 'warn', message: 'Disk full' },
    ]);
  });
});
