import { prefers } from './accept.js';

const prefersEvents = (accept?: string): boolean => prefers('text/event-stream', accept);

describe('the Accept header', () => {
  it.each([
    'text/event-stream',
    'Text/Event-Stream',
    'text/event-stream;charset=utf-8',
    'text/event-stream, application/json;q=0.9',
    'application/json ; q=0.5,text/event-stream;q=0.6',
    'text/event-stream, */*',
    'text/event-stream;q=0.5, */*;q=0.1',
    'application/json;q=0, text/event-stream;q=0.1',
    'text/*',
  ])('%j prefers events', (accept) => {
    expect(prefersEvents(accept)).toBe(true);
  });

  it.each([
    undefined,
    '',
    '*/*',
    'application/json',
    'application/json, text/event-stream',
    'text/event-stream, application/json',
    'application/json, text/event-stream;q=0.9',
    'text/event-stream;q=0',
    'text/event-stream;q=0.000, */*',
    'text/event-stream;q=x',
    'text/event-stream;q=0.5, */*',
    'text/event-streams',
    'image/png',
  ])('%j prefers JSON', (accept) => {
    expect(prefersEvents(accept)).toBe(false);
  });
});
