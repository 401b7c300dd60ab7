/**
 * Cells that spreadsheets execute as formulas (OWASP, CSV Injection): by their first character, also in full width, and
 * after blanks, which some programs drop. A line break or tab in front counts too.
 */
const FORMULA = /^'*(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/u;

/** Puts an apostrophe in front of a cell that a spreadsheet would execute, or that `restoreCell` would change. */
export const defuseCell = (text: string): string => (FORMULA.test(text) ? `'${text}` : text);

/** The inverse of `defuseCell`; also for cells to which a spreadsheet or another program added the apostrophe. */
export const restoreCell = (text: string): string =>
  text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;
