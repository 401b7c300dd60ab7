import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const BAR = { left: 150, width: 420, height: 22, gap: 12 };
const COLORS = ['#2563eb', '#93c5fd', '#1e3a8a'];

/**
 * Writes `performance.md` and its plot `performance.svg`. `runs` has the results of each version of Node: `node`, `table`
 * (Markdown), `notes` and `ratios` (by title of the job).
 */
export function writeReport(directory, runs) {
  writeFileSync(join(directory, 'performance.svg'), plot(runs));
  writeFileSync(join(directory, 'performance.md'), page(runs));
}

const page = (runs) => `# Performance

Written by \`npm run bench -- --write\`. CPU time per request, as a ratio to the least code that does the same work on the same rows
(\`scripts/bench/bare-server.js\`: \`node:http\` and \`mysql2\`, without validation, sign-in, log and search), in the same run. The
service runs as in production, with everything on.

![CPU time per request, as a ratio to the bare server](performance.svg)
${runs.map(({ node, table, notes }) => `\n## Node ${node}\n\n${table}\n\n${notes}\n`).join('')}`;

/** Bars of each job, and a line at 1.0. */
function plot(runs) {
  const titles = Object.keys(runs[0].ratios);
  const max = Math.max(1.2, ...runs.flatMap(({ ratios }) => Object.values(ratios)));
  const x = (ratio) => (BAR.left + (ratio / max) * BAR.width).toFixed(1);
  const group = runs.length * BAR.height + BAR.gap;
  const height = 60 + titles.length * group;
  const bars = titles.flatMap((title, row) => {
    const top = 40 + row * group;
    const label = text(BAR.left - 8, top + (runs.length * BAR.height) / 2 + 4, title, 'end');
    return [label, ...runs.flatMap(({ ratios }, n) => bar(ratios[title], top + n * BAR.height, COLORS[n % 3], x))];
  });
  const legend = runs.map(
    ({ node }, n) =>
      `<rect x="${BAR.left + n * 130}" y="10" width="12" height="12" fill="${COLORS[n % 3]}"/>${text(BAR.left + 18 + n * 130, 20, `Node ${node}`)}`,
  );
  const line = `<line x1="${x(1)}" x2="${x(1)}" y1="32" y2="${height - 24}" stroke="#dc2626" stroke-dasharray="4 3"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="640" height="${height}" font-family="sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#fff"/>
${[...legend, ...bars, line, text(x(1), height - 8, 'bare server = 1', 'middle')].join('\n')}
</svg>
`;
}

const bar = (ratio, y, color, x) => [
  `<rect x="${BAR.left}" y="${y}" width="${(x(ratio) - BAR.left).toFixed(1)}" height="${BAR.height - 3}" fill="${color}"/>`,
  text(Number(x(ratio)) + 6, y + 14, ratio.toFixed(2)),
];

const text = (x, y, content, anchor = 'start') => `<text x="${x}" y="${y}" text-anchor="${anchor}">${content}</text>`;
