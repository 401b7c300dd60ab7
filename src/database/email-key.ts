/** `normalizeEmail` in SQL: the form in which the database compares the column `email`. */
export { EMAIL_KEY } from '../../migrations/live-email.js';
