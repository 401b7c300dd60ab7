import type { MetricObject } from 'prom-client';
import type { Metrics } from './metrics.js';
import { registerPoolGauges } from './pool-metrics.js';
import { registerWorkerMetrics } from './worker-metrics.js';

/** Present only in some configurations. */
const CONDITIONS: Array<[name: RegExp, condition: string]> = [
  [/^crm_database_pool_/, 'with `DATABASE_URI`'],
  [/^crm_workers/, 'with several workers'],
];

/** All metrics as Markdown, from those of a service on the embedded database, to which it adds the others. */
export async function metricsDocument(metrics: Metrics): Promise<string> {
  registerPoolGauges(metrics, () => ({ inUse: 0, idle: 0, queued: 0 }));
  registerWorkerMetrics(metrics.registry, () => 0);
  const all = await Promise.all(metrics.registry.getMetricsAsArray().map(toRow));
  const isOwn = ({ name }: Row): boolean => /^(crm|http)_/.test(name);
  return [
    '# Metrics',
    '',
    'Generated from the code by `npm run api`. `GET /metrics` on `METRICS_PORT` sums up all workers; Prometheus adds the label',
    '`instance`. A histogram has the series `_bucket` (with the label `le`), `_sum` and `_count`. Times are in seconds.',
    '',
    '| metric | type | labels | meaning |',
    '| --- | --- | --- | --- |',
    ...all.filter(isOwn).map(({ line }) => line),
    '',
    '## Of the process',
    '',
    'As `prom-client` names them. Some exist only on Linux.',
    '',
    '| metric | type | labels | meaning |',
    '| --- | --- | --- | --- |',
    ...all.filter((row) => !isOwn(row)).map(({ line }) => line),
    '',
  ].join('\n');
}

interface Row {
  name: string;
  line: string;
}

async function toRow(metric: MetricObject): Promise<Row> {
  const { name, help, type } = await (metric as unknown as { get: () => Promise<MetricObject> }).get();
  const { labelNames = [] } = metric as unknown as { labelNames?: string[] };
  const condition = CONDITIONS.find(([pattern]) => pattern.test(name))?.[1];
  const labels = labelNames.map((label) => `\`${label}\``).join(', ');
  const meaning = help.replace(/\.$/, '').replaceAll('|', '\\|') + (condition ? `; ${condition}` : '');
  return { name, line: `| \`${name}\` | ${String(type)} | ${labels} | ${meaning} |` };
}
