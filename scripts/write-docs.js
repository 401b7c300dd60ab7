// Writes the API reference and the guides as static pages: node scripts/write-docs.js [directory]. They need neither a web
// server nor a network. The viewer is the one that the service uses at /docs.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, posix } from 'node:path';
import { Marked } from 'marked';
import viewer from 'swagger-ui-dist';

const [directory = 'docs'] = process.argv.slice(2);
const api = JSON.parse(readFileSync('openapi.json', 'utf8'));
const title = `${api.info.title} ${api.info.version}`;
const quickStart = readFileSync('docs/guides/quick-start.md', 'utf8');
/** In the order in which the quick start names them. */
const guides = [...readdirSync('docs/guides').map((name) => `guides/${name}`), 'changes-feed.md'].sort(
  (a, b) => quickStart.lastIndexOf(basename(a)) - quickStart.lastIndexOf(basename(b)),
);

// only of elements that the viewer does not have. Lines of code have up to 120 characters, text is read in shorter ones
const STYLE = `body { margin: 0; font: 1rem/1.6 system-ui, sans-serif }
nav.guides { display: flex; flex-wrap: wrap; gap: .25rem 1rem; padding: .75rem 20px; background: #f3f5f8; font-size: .9rem }
nav.guides [aria-current] { color: inherit; font-weight: 600; text-decoration: none }
main.guide { max-width: 66rem; margin: 0 auto; padding: 0 20px 3rem }
main.guide > :not(pre) { max-width: 46rem }
main.guide pre { overflow-x: auto; padding: .75rem 1rem; background: #f3f5f8; border-radius: 6px; font-size: .85rem }
main.guide code { overflow-wrap: anywhere }
/* nothing to sign in to, and the address of the document is an example */
#reference .auth-wrapper, #reference .info hgroup.main > a { display: none }`;

mkdirSync(join(directory, 'guides'), { recursive: true });
for (const file of ['swagger-ui-bundle.js', 'swagger-ui.css'])
  copyFileSync(join(viewer.getAbsoluteFSPath(), file), join(directory, file));
copyFileSync('src/openapi/viewer/favicon.svg', join(directory, 'swagger-ui-icon.svg'));
// `</script>` in a description would end the script element
const definition = JSON.stringify(api, null, 2).replaceAll('</', '<\\/');
write(
  'index.html',
  title,
  `<link rel="stylesheet" href="swagger-ui.css">
<style>${readFileSync('src/openapi/viewer/docs.css', 'utf8')}</style>`,
  `<noscript>This page needs JavaScript. The same document without it: openapi.json.</noscript>
<div id="reference"></div>
<script src="swagger-ui-bundle.js"></script>
<script>
const ui = SwaggerUIBundle({ dom_id: '#reference', deepLinking: true, filter: true, supportedSubmitMethods: [], spec: ${definition} });
// the viewer resolves references by the address of the document, and cannot if that is a file
ui.specActions.updateUrl('https://crm.example.org/openapi.json');
</script>`,
);
for (const guide of guides) {
  const text = readFileSync(join('docs', guide), 'utf8');
  write(pageOf(guide), `${titleOf(guide)} · ${title}`, '', `<main class="guide">\n${render(guide, text)}</main>`);
}

function write(page, heading, head, body) {
  const up = '../'.repeat(page.split('/').length - 1);
  const links = [['index.html', 'Reference'], ...guides.map((guide) => [pageOf(guide), titleOf(guide)])];
  const nav = links
    .map(([href, text]) => `<a href="${up}${href}"${href === page ? ' aria-current="page"' : ''}>${text}</a>`)
    .join('\n');
  writeFileSync(
    join(directory, page),
    `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${heading}</title>
<link rel="icon" type="image/svg+xml" href="${up}swagger-ui-icon.svg">
${head}
<style>${STYLE}</style>
</head>
<body>
<nav class="guides">
${nav}
</nav>
${body}
</body>
</html>
`,
  );
}

/** Links to other guides lead to their pages; files of the repository are not beside them. */
function render(guide, text) {
  const renderer = {
    link({ href, tokens }) {
      const content = this.parser.parseInline(tokens);
      if (/^https?:/.test(href)) return `<a href="${href}">${content}</a>`;
      const target = posix.join(dirname(guide), href);
      return guides.includes(target) ? `<a href="${href.replace(/\.md$/, '.html')}">${content}</a>` : content;
    },
  };
  return new Marked({ renderer }).parse(text);
}

function pageOf(guide) {
  return guide.replace(/\.md$/, '.html');
}

function titleOf(guide) {
  const [, heading] = /^# (.*)$/m.exec(readFileSync(join('docs', guide), 'utf8')) ?? [];
  return heading ?? basename(guide, '.md');
}
