import { escapeControls, withoutControls } from './control-characters.js';

describe('control characters', () => {
  const hostile = 'a\u009b31m\u007f\u0085\u2028\u202eb';

  it('are escaped in a line, which stays the same JSON', () => {
    const line = escapeControls(JSON.stringify({ hostile, name: 'José 😀' }));
    expect(line).toBe('{"hostile":"a\\u009b31m\\u007f\\u0085\\u2028\\u202eb","name":"José 😀"}');
    expect(JSON.parse(line)).toEqual({ hostile, name: 'José 😀' });
  });

  it('are replaced in a value', () => {
    expect(withoutControls(hostile)).toBe('a\ufffd31m\ufffd\ufffd\ufffd\ufffdb');
  });
});
