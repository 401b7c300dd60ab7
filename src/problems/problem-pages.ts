import { ADVICE } from './advice.js';
import { type ProblemCode, PROBLEMS } from './catalog.js';
import { problemExample } from './problem-example.js';

const STYLE = `body{max-width:44rem;margin:2rem auto;padding:0 1rem;font:1rem/1.6 system-ui,sans-serif;color:#1b2430}
h1{line-height:1.25}code,pre{background:#f0f3f7;border-radius:4px}code{padding:.1em .3em;overflow-wrap:anywhere}
pre{padding:.8rem 1rem;white-space:pre-wrap}pre code{padding:0}
table{border-collapse:collapse;font-size:.9rem}th,td{padding:.3rem .6rem .3rem 0;text-align:left;vertical-align:top;border-bottom:1px solid #dde3ea}
td code{overflow-wrap:normal}`;

/** The page of a problem code, for people who follow the `type` of a problem document. */
export function renderProblemPage(code: ProblemCode, origin: string): string {
  const { status, title, description } = PROBLEMS[code];
  return page(
    title,
    `<p><a href="../problems">All problems</a></p>
<h1>${escape(title)}</h1>
<p>Status ${status}, code <code>${code}</code></p>
<h2>What happened</h2>
<p>${prose(description)}</p>
<h2>What to do</h2>
<p>${prose(ADVICE[code])}</p>
<h2>Example</h2>
<pre><code>${escape(JSON.stringify(problemExample(code, origin), null, 2))}</code></pre>`,
  );
}

export function renderProblemIndex(): string {
  const codes = Object.keys(PROBLEMS) as ProblemCode[];
  const rows = codes
    .sort((one, other) => PROBLEMS[one].status - PROBLEMS[other].status)
    .map((code) => {
      const { status, title } = PROBLEMS[code];
      const name = code.replaceAll('_', '_<wbr>');
      return `<tr><td>${status}</td><td><a href="problems/${code}"><code>${name}</code></a></td><td>${escape(title)}</td></tr>`;
    });
  return page(
    'Problems',
    `<h1>Problems</h1>
<p>Errors are problem documents (RFC 9457). Programs decide by <code>code</code>; <code>type</code> leads to one of these
pages.</p>
<table>
<thead><tr><th>Status</th><th>Code</th><th>Title</th></tr></thead>
<tbody>
${rows.join('\n')}
</tbody>
</table>`,
  );
}

const page = (title: string, body: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
${body}
</body>
</html>
`;

/** Backticks of the catalog mark code. */
const prose = (text: string): string => escape(text).replace(/`([^`]+)`/g, '<code>$1</code>');

const escape = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
