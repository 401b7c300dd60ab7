/**
 * Controls that JSON does not escape: DEL and C1, which terminals interpret, line separators, and characters that reverse
 * the direction of text (CVE-2021-42574).
 */
const CONTROLS = /[\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** Escapes them, as JSON may, in a line of the log: much of its text comes from clients. */
export const escapeControls = (line: string): string =>
  line.replace(CONTROLS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** Replaces them, for values that a reader of the log may print. */
export const withoutControls = (text: string): string => text.replace(CONTROLS, '\ufffd');
