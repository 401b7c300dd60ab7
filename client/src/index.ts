export { type Change, type ClientOptions, createClient, type CrmClient, type Customer } from './client.js';
export type { ImportEvent, ImportOptions, ImportResult } from './import.js';
export { type Problem, type ProblemCode, ProblemError } from './problem-error.js';
export type { components, paths } from './schema.js';
export type { Tokens, TokenStore } from './session.js';
