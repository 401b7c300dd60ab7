import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { Metrics } from '../src/metrics/metrics.js';
import { metricsDocument } from '../src/metrics/metrics-document.js';
import { startService } from './support/service.js';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const read = (file: string): string => readFileSync(`${ROOT}/${file}`, 'utf8');

interface Rule {
  alert: string;
  expr: string;
  annotations: { summary: string; runbook: string };
}

const rules: Rule[] = parse(read('deploy/prometheus/alerts.yml')).groups.flatMap(({ rules: found }: any) => found);
const dashboard = JSON.parse(read('deploy/grafana/dashboard.json'));
const panels: Array<{ title: string; targets: Array<{ expr: string }> }> = dashboard.panels.filter(
  ({ type }: { type: string }) => type !== 'row',
);

/** The labels of each series that docs/metrics.md lists. */
const SERIES = new Map<string, string[]>([['up', []]]);
for (const [, name, type, labels] of read('docs/metrics.md').matchAll(/^\| `(\w+)` \| (\w+) \| (.*?) \|/gm)) {
  const own = [...labels!.matchAll(/`(\w+)`/g)].map(([, label]) => label!);
  if (type !== 'histogram') SERIES.set(name!, own);
  else for (const suffix of ['bucket', 'sum', 'count']) SERIES.set(`${name}_${suffix}`, [...own, 'le']);
}
/** Of Prometheus itself, on every series. */
const TARGET_LABELS = ['job', 'instance'];

const WORDS = /^(and|or|unless|bool|offset|inf|nan)$/i;
/** Without what may contain names of anything but series. */
const simplified = (expr: string): string =>
  expr
    .replace(/"[^"]*"/g, '""')
    .replace(/\[[^\]]*\]/g, '')
    .replace(/\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)/g, '');

/** The series of a PromQL expression, with the labels that their matchers name. */
function selectorsOf(expr: string): Array<[series: string, labels: string[]]> {
  return [...simplified(expr).matchAll(/([a-z_:][\w:]*)\s*(\(|\{[^}]*\})?/gi)]
    .filter(([, name, next]) => next !== '(' && !WORDS.test(name!))
    .map(([, name, matchers = '']) => [name!, [...matchers.matchAll(/(\w+)\s*[=!]/g)].map(([, label]) => label!)]);
}

function groupingsOf(expr: string): string[] {
  return [...expr.matchAll(/\bby\s*\(([^)]*)\)/g)].flatMap(([, list]) => list!.split(',').map((label) => label.trim()));
}

function expectKnown(expr: string): void {
  const selectors = selectorsOf(expr);
  expect(selectors.length).toBeGreaterThan(0);
  for (const [series, labels] of selectors) {
    expect([series, SERIES.has(series)]).toEqual([series, true]);
    const known = [...SERIES.get(series)!, ...TARGET_LABELS];
    expect(known).toEqual(expect.arrayContaining([...labels, ...groupingsOf(expr)]));
  }
}

it('docs/metrics.md is committed as the code generates it; if not, run `npm run api`', async () => {
  const service = await startService('SQLite', { env: { METRICS_PORT: '0' } });
  const document = await metricsDocument(service.app.get(Metrics));
  await service.close();
  expect(document).toBe(read('docs/metrics.md'));
});

describe('the dashboard', () => {
  it.each(panels)('shows only metrics that exist: $title', ({ targets }) => {
    for (const { expr } of targets) expectKnown(expr);
  });

  it('shows every metric of the service', () => {
    const shown = JSON.stringify(dashboard);
    const own = [...SERIES.keys()].filter((name) => /^(crm|http)_.*(?<!_sum|_bucket|_count)$/.test(name));
    expect(own.length).toBeGreaterThan(5);
    expect(own.filter((name) => !shown.includes(name))).toEqual([]);
  });
});

describe('the alerts', () => {
  it.each(rules)('use only metrics that exist: $alert', ({ expr }) => expectKnown(expr));

  it.each(rules)('have instructions in docs/operations.md: $alert', ({ alert, annotations }) => {
    expect(annotations.runbook).toBe(`docs/operations.md#${alert.toLowerCase()}`);
    expect(read('docs/operations.md')).toMatch(new RegExp(`^#+ ${alert}$`, 'm'));
  });
});
