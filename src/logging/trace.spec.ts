import { traceOf } from './trace.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';

const found = (headers: Record<string, string>, project?: string): unknown => {
  const trace = traceOf(headers, project);
  return (
    trace && [
      trace['logging.googleapis.com/trace'],
      trace['logging.googleapis.com/spanId'],
      trace['logging.googleapis.com/trace_sampled'],
    ]
  );
};

describe('the trace of a request', () => {
  it.each<[string, string, unknown]>([
    ['sampled', `00-${TRACE}-${SPAN}-01`, [TRACE, SPAN, true]],
    ['not sampled', `00-${TRACE}-${SPAN}-00`, [TRACE, SPAN, false]],
    ['with other flags', `00-${TRACE}-${SPAN}-02`, [TRACE, SPAN, false]],
    ['of a future version', `cc-${TRACE}-${SPAN}-01-what-else`, [TRACE, SPAN, true]],
    ['of the invalid version ff', `ff-${TRACE}-${SPAN}-01`, undefined],
    ['with a trace id of zeros', `00-${'0'.repeat(32)}-${SPAN}-01`, undefined],
    ['with a span id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
    ['in uppercase', `00-${TRACE.toUpperCase()}-${SPAN}-01`, undefined],
    ['with a line break', `00-${TRACE}-${SPAN}-01\n`, undefined],
    ['too short', `00-${TRACE.slice(1)}-${SPAN}-01`, undefined],
  ])('reads traceparent %s', (_, traceparent, expected) => {
    expect(found({ traceparent })).toEqual(expected);
  });

  it.each<[string, string, unknown]>([
    ['complete', `${TRACE}/67667974448284343;o=1`, [TRACE, SPAN, true]],
    ['without options', `${TRACE}/67667974448284343`, [TRACE, SPAN, false]],
    ['without a span id', TRACE.toUpperCase(), [TRACE, undefined, false]],
    ['with the largest span id', `${TRACE}/18446744073709551615;o=0`, [TRACE, 'f'.repeat(16), false]],
    ['with a larger span id', `${TRACE}/18446744073709551616;o=1`, [TRACE, undefined, true]],
    ['with a span id of zero', `${TRACE}/0;o=1`, [TRACE, undefined, true]],
    ['with a trace id of zeros', `${'0'.repeat(32)}/1;o=1`, undefined],
    ['with trailing text', `${TRACE}/1;o=1"}`, undefined],
  ])('reads X-Cloud-Trace-Context %s', (_, legacy, expected) => {
    expect(found({ 'x-cloud-trace-context': legacy })).toEqual(expected);
  });

  it('prefers traceparent, falls back if it is malformed, and adds the project', () => {
    const other = 'a'.repeat(32);
    const legacy = { 'x-cloud-trace-context': `${other}/1` };
    expect(found({ traceparent: `00-${TRACE}-${SPAN}-01`, ...legacy }, 'crm')).toEqual([
      `projects/crm/traces/${TRACE}`,
      SPAN,
      true,
    ]);
    expect(found({ traceparent: 'x', ...legacy }, 'crm')).toEqual([
      `projects/crm/traces/${other}`,
      '0000000000000001',
      false,
    ]);
    expect(found({})).toBeUndefined();
  });
});
