/** sysexits.h EX_CONFIG: tells a supervisor that restarting does not help. */
export const EXIT_CONFIGURATION = 78;

/** Why the service or a command cannot start, in words for the person who starts it: it is no bug, so it has no stack. */
export class StartError extends Error {
  /** Whether a restart cannot help. */
  readonly isLasting: boolean = false;

  constructor(
    message: string,
    readonly fix?: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
    this.stack = undefined;
  }

  get explanation(): string {
    return this.fix ? `${this.message}\nFix: ${this.fix}` : this.message;
  }
}
