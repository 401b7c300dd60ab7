export const KIB = 1024;

export const textOf = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** A JSON body of exactly this size. */
export const padded = (value: unknown, bytes: number): Buffer =>
  Buffer.concat([textOf(value), Buffer.alloc(bytes, ' ')], bytes);
