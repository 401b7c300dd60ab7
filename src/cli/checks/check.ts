export type Check = [name: string, run: () => Promise<string> | string];

/** What is wrong, and how to mend it. */
export class Finding extends Error {
  constructor(
    message: string,
    readonly fix: string,
  ) {
    super(message);
  }
}

/** Nothing is wrong with what is not set up, and nothing is known of what could not be looked at. */
export class NotChecked extends Error {}
