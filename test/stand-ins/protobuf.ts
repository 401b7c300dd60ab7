/** A message of protobuf on the wire: the values of each field by its number. */
export class Message {
  private readonly fields = new Map<number, Array<bigint | Buffer>>();

  /** https://protobuf.dev/programming-guides/encoding/ */
  constructor(bytes: Buffer) {
    const reader = new Reader(bytes);
    while (reader.hasMore) {
      const tag = Number(reader.varint());
      const values = this.fields.get(tag >> 3) ?? [];
      values.push(reader.value(tag & 7));
      this.fields.set(tag >> 3, values);
    }
  }

  messages(field: number): Message[] {
    return (this.fields.get(field) ?? []).map((value) => new Message(value as Buffer));
  }

  message(field: number): Message | undefined {
    return this.messages(field).at(-1);
  }

  text(field: number): string | undefined {
    return this.last<Buffer>(field)?.toString('utf8');
  }

  hex(field: number): string {
    return this.last<Buffer>(field)?.toString('hex') ?? '';
  }

  integer(field: number): number | undefined {
    const value = this.last<bigint>(field);
    return value === undefined ? undefined : Number(value);
  }

  private last<T>(field: number): T | undefined {
    return this.fields.get(field)?.at(-1) as T | undefined;
  }
}

class Reader {
  private at = 0;

  constructor(private readonly bytes: Buffer) {}

  get hasMore(): boolean {
    return this.at < this.bytes.length;
  }

  varint(): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.bytes.readUInt8(this.at++);
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  }

  value(wireType: number): bigint | Buffer {
    switch (wireType) {
      case 0:
        return this.varint();
      case 1:
        return this.slice(8).readBigUInt64LE();
      case 2:
        return this.slice(Number(this.varint()));
      case 5:
        return BigInt(this.slice(4).readUInt32LE());
      default:
        throw new Error(`Not a wire type: ${wireType}`);
    }
  }

  private slice(length: number): Buffer {
    if (this.at + length > this.bytes.length) throw new Error('The message ends within a field');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }
}
