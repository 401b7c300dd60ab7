import { readFileSync } from 'node:fs';

export const baseUrl = process.env.CRM_URL!;
export const credentials = { email: process.env.CRM_EMAIL!, password: process.env.CRM_PASSWORD! };
export const photo = new Blob([readFileSync(process.env.CRM_PHOTO!)], { type: 'image/jpeg' });
export const emailOf = (generator: string): string => `${generator}-${Date.now()}@example.com`;

export function expect(condition: boolean, what: unknown): asserts condition {
  if (!condition) throw new Error(JSON.stringify(what));
}
