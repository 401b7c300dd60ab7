import fc from 'fast-check';
import { defuseCell, restoreCell } from './spreadsheet-cells.js';

describe('a cell', () => {
  it.each(['=1+1', '+34600123456', '-1', '@SUM(A1)', '\t=1', '\r=1', '\n=1', ' =1', '＝1', '＋1', '－1', '＠x', "'=1"])(
    '%j is defused',
    (text) => expect(defuseCell(text)).toBe(`'${text}`),
  );

  it.each(["O'Brien", "'quoted'", 'a=1', '1-2', ''])('%j is written unchanged', (text) =>
    expect(defuseCell(text)).toBe(text),
  );

  it('is read back as it was', () => {
    const characters = fc.constantFrom("'", '=', '+', '-', '@', '＝', ' ', '\t', '\r', '\n', 'a');
    fc.assert(
      fc.property(fc.string({ unit: characters }), (text) => {
        const written = defuseCell(text);
        expect(written).not.toMatch(/^\s*[=+\-@＝＋－＠]/);
        expect(restoreCell(written)).toBe(text);
      }),
    );
  });
});
