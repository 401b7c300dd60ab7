import type { OpenAPIObject } from '@nestjs/swagger';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import fc from 'fast-check';

export type Schema = Record<string, any>;

const RFC_3339 = /^\d{4}-\d\d-\d\dT([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/i;

/** A day that does not exist is moved to the next month. */
const isTime = (text: string): boolean =>
  RFC_3339.test(text) && new Date(`${text.slice(0, 10)}T00:00:00Z`).toISOString().startsWith(text.slice(0, 10));

/** Says which values the schemas of a document allow, and generates such values. */
export class Schemas {
  private readonly ajv = new Ajv2020({ strict: false, validateFormats: true });
  private readonly compiled = new Map<Schema, ValidateFunction>();

  constructor(private readonly document: OpenAPIObject) {
    this.ajv.addFormat('date-time', isTime);
    this.ajv.addFormat('uri', (text) => URL.canParse(text) && /^[!-~]+$/.test(text));
    // their patterns say more
    for (const name of ['email', 'binary', 'password', 'double']) this.ajv.addFormat(name, true);
  }

  resolve(schema: Schema): Schema {
    if (!schema.$ref) return schema;
    const [, ...path] = (schema.$ref as string).split('/');
    return path.reduce<any>((node, name) => node[name], this.document);
  }

  allows(schema: Schema, value: unknown): boolean {
    const resolved = this.resolve(schema);
    const validate = this.compiled.get(resolved) ?? this.ajv.compile(this.inlined(resolved));
    this.compiled.set(resolved, validate);
    return validate(value);
  }

  private inlined(schema: Schema): Schema {
    return JSON.parse(
      JSON.stringify(schema, (_, value) =>
        value && typeof value === 'object' && '$ref' in value ? this.resolve(value) : value,
      ),
    ) as Schema;
  }

  /** Allowed values: plausible ones, and those at the bounds. */
  valuesOf(given: Schema): fc.Arbitrary<any> {
    const schema = this.resolve(given);
    return this.candidatesOf(schema).filter((value) => this.allows(schema, value));
  }

  private candidatesOf(schema: Schema): fc.Arbitrary<any> {
    if (schema.const !== undefined) return fc.constant(schema.const);
    if (schema.type === 'null') return fc.constant(null);
    if (schema.anyOf) return fc.oneof(...(schema.anyOf as Schema[]).map((one) => this.valuesOf(one)));
    if (schema.enum) return fc.constantFrom(...schema.enum);
    const [type, ...others] = [schema.type].flat().filter((name: string) => name !== 'null');
    if (others.length > 0) throw new Error(`Several types: ${JSON.stringify(schema)}`);
    const values = this.ofType(type, schema);
    return [schema.type].flat().includes('null') ? fc.option(values, { freq: 4 }) : values;
  }

  private ofType(type: string, schema: Schema): fc.Arbitrary<any> {
    const { minimum: min = 0, maximum: max = 1_000_000 } = schema;
    switch (type) {
      case 'boolean':
        return fc.boolean();
      case 'integer':
        return fc.oneof(
          { weight: 5, arbitrary: fc.integer({ min, max: Math.min(max, min + 25) }) },
          fc.integer({ min, max }),
          fc.constantFrom(min, max),
        );
      case 'object': {
        const properties = Object.entries<Schema>(schema.properties ?? {});
        const model = Object.fromEntries(properties.map(([name, member]) => [name, this.valuesOf(member)]));
        return fc.record(model, { requiredKeys: schema.required ?? [] });
      }
      default:
        return stringsOf(schema);
    }
  }
}

const LETTERS = "abcdefghijklmnopqrstuvwxyzßøéłABCXYZ0123456789 '’-.+@()/\t你한👩‍👩‍👧";

function stringsOf({ minLength = 0, maxLength = 100, pattern, format, example }: Schema): fc.Arbitrary<string> {
  const length = { minLength, maxLength };
  const plausible = fc.string({ ...length, unit: fc.constantFrom(...LETTERS) });
  const atBounds = fc.constantFrom(minLength, maxLength).map((count) => 'a'.repeat(count));
  const found = [plausible, atBounds, fc.string({ ...length, unit: 'binary' })];
  if (example !== undefined) found.push(fc.constant(example));
  if (format === 'date-time') return fc.oneof(times, fc.constant(example ?? '2026-11-01T00:00:00Z'));
  if (format === 'email') return fc.oneof({ weight: 4, arbitrary: emails }, ...found.slice(0, 1), ofPattern(pattern));
  if (format === 'uri') return fc.webUrl({ withQueryParameters: true });
  if (pattern) found.push(ofPattern(pattern));
  // most generated strings do not match a narrow pattern
  return fc.oneof(...(pattern && !new RegExp(pattern, 'u').test('a'.repeat(minLength)) ? found.slice(3) : found));
}

/** What fast-check can generate of a pattern. */
function ofPattern(pattern: string): fc.Arbitrary<string> {
  return fc.stringMatching(new RegExp(pattern), { size: '-1' }).filter((text) => text.isWellFormed());
}

const emails = fc
  .tuple(
    fc.stringMatching(/^[a-z0-9._+'-]{1,12}$/),
    fc.constantFrom('example.com', 'Example.ORG', 'exämple.de', 'a-b.example', '1and1.de', 'x.photography'),
    fc.constantFrom('', ' ', '\t'),
  )
  .map(([local, domain, blank]) => `${blank}${local}@${domain}${blank}`);

const times = fc
  .tuple(
    fc.date({ min: new Date('2020-01-01'), max: new Date('2030-12-31'), noInvalidDate: true }),
    fc.constantFrom('Z', 'z', '+00:00', '+05:30', '-12:00'),
    fc.constantFrom('', '.5', '.123', '.123456789'),
  )
  .map(([date, zone, fraction]) => `${date.toISOString().slice(0, 19)}${fraction}${zone}`);
