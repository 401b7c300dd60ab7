// Writes the paths of all files of JavaScript that a program has loaded to the file in LOADED_SCRIPTS when it exits; for
// `node --import`.
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import { fileURLToPath } from 'node:url';

const paths = new Set();
const session = new Session();
session.connect();
session.on('Debugger.scriptParsed', ({ params: { url } }) => {
  if (url.startsWith('file:')) paths.add(fileURLToPath(url));
  else if (url.startsWith('/')) paths.add(url);
});
session.post('Debugger.enable');
process.on('exit', () => writeFileSync(process.env.LOADED_SCRIPTS, JSON.stringify([...paths])));
