export type Check = [name: string, run: () => Promise<string> | string];

/** A problem and how to fix it. */
export class Finding extends Error {
  constructor(
    message: string,
    readonly fix: string,
  ) {
    super(message);
  }
}

/** The subject is not configured, which is no problem, or could not be checked. */
export class NotChecked extends Error {}
