import type { SpanDescription } from '../tracing/tracing.js';

const MAX_LENGTH = 1_000;
/** The statements of the service are fewer; those with lists of columns or conditions of a request vary. */
const MAX_KNOWN = 1_000;

const OPERATION = /^\W*(\w+)/;
const TABLE = /\b(?:FROM|INTO|UPDATE|TABLE)\s+[`"]?(\w+)/i;
const LITERALS = /'(?:[^'\\]|''|\\.)*'/g;

const known = new Map<string, SpanDescription>();

/**
 * Names a statement and its text, as OpenTelemetry's conventions for databases do. Values are parameters and never in the text;
 * constants of the text are replaced too. `target` are the attributes that name the database.
 */
export function statementSpan(target: SpanDescription['attributes'], sql: string): SpanDescription {
  let span = known.get(sql);
  if (!span) {
    const operation = OPERATION.exec(sql)?.[1]?.toUpperCase() ?? 'STATEMENT';
    const table = TABLE.exec(sql)?.[1];
    const text = sql.replace(LITERALS, '?').replace(/\s+/g, ' ').slice(0, MAX_LENGTH);
    span = {
      name: table ? `${operation} ${table}` : operation,
      attributes: {
        ...target,
        'db.operation.name': operation,
        'db.collection.name': table,
        'db.query.text': text,
      },
    };
    if (known.size === MAX_KNOWN) known.clear();
    known.set(sql, span);
  }
  return span;
}
