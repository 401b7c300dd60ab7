// Compares openapi.json with an earlier commit and fails if a client of the earlier contract could break, unless the
// version of package.json says so: a new major version, or before 1.0 a new minor version (semver.org, 4), compared
// with the last release in CHANGELOG.md. Usage: node scripts/contract-changes.js [commit]
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];

/** Sentences about everything in `after` that breaks a client written for `before`. */
export function breakingChanges(before, after) {
  const found = [];
  for (const [path, item] of Object.entries(before.paths))
    for (const method of METHODS.filter((name) => item[name])) {
      const at = `${method.toUpperCase()} ${path}`;
      const operation = after.paths[path]?.[method];
      if (!operation) found.push(`${at} was removed.`);
      else compareOperations(at, contextOf(before, item[method]), contextOf(after, operation), found);
    }
  return found;
}

const contextOf = (document, operation) => ({ document, operation });

/** Follows a reference. Members beside it only describe. */
function resolve(document, value = {}) {
  if (!value.$ref) return value;
  const [, ...path] = value.$ref.split('/');
  return resolve(
    document,
    path.reduce((node, name) => node?.[name.replaceAll('~1', '/').replaceAll('~0', '~')], document),
  );
}

function compareOperations(at, before, after, found) {
  if (before.operation.operationId !== after.operation.operationId)
    found.push(`${at}: the operation id ${before.operation.operationId} was changed.`);
  if (isOpen(before) && !isOpen(after)) found.push(`${at} requires sign-in.`);
  compareParameters(at, before, after, found);
  compareBodies(at, before, after, found);
  compareResponses(at, before, after, found);
}

const isOpen = ({ document, operation }) => (operation.security ?? document.security ?? []).length === 0;

function compareParameters(at, before, after, found) {
  const [old, current] = [before, after].map(
    ({ document, operation }) =>
      new Map(
        (operation.parameters ?? [])
          .map((parameter) => resolve(document, parameter))
          .map((parameter) => [`${parameter.in} parameter ${parameter.name}`, parameter]),
      ),
  );
  for (const [name, parameter] of old) {
    const now = current.get(name);
    if (!now) found.push(`${at}: the ${name} was removed.`);
    else compareSchemas(`${at}: the ${name}`, [before, parameter.schema], [after, now.schema], 'request', found);
  }
  for (const [name, { required }] of current)
    if (required && !old.get(name)?.required) found.push(`${at}: the ${name} is required.`);
}

function compareBodies(at, before, after, found) {
  const [old, current] = [before, after].map(({ document, operation }) => resolve(document, operation.requestBody));
  if (current.required && !old.required) found.push(`${at}: the body is required.`);
  for (const [type, { schema }] of Object.entries(old.content ?? {})) {
    const now = current.content?.[type];
    if (!now) found.push(`${at}: the body ${type} was removed.`);
    else compareSchemas(`${at}: the body ${type}`, [before, schema], [after, now.schema], 'request', found);
  }
}

function compareResponses(at, before, after, found) {
  for (const [status, response] of Object.entries(before.operation.responses)) {
    if (!/^[23]/.test(status)) continue;
    const now = after.operation.responses[status];
    if (!now) {
      found.push(`${at}: the response ${status} was removed.`);
      continue;
    }
    const [old, current] = [resolve(before.document, response), resolve(after.document, now)];
    for (const name of Object.keys(old.headers ?? {}))
      if (!current.headers?.[name]) found.push(`${at} ${status}: the header ${name} was removed.`);
    for (const [type, { schema }] of Object.entries(old.content ?? {})) {
      const media = current.content?.[type];
      if (!media) found.push(`${at} ${status}: the content ${type} was removed.`);
      else compareSchemas(`${at} ${status}`, [before, schema], [after, media.schema], 'response', found);
    }
  }
}

/** A request must still accept what it accepted, a response must not return what it did not return. */
function compareSchemas(at, [before, oldSchema], [after, newSchema], direction, found) {
  const old = flat(before.document, oldSchema);
  const now = flat(after.document, newSchema);
  const isRequest = direction === 'request';
  const types = (schema) => (schema.type === undefined ? [] : [schema.type].flat());
  const [wide, narrow] = isRequest ? [now, old] : [old, now];
  const added = types(narrow).filter((type) => types(wide).length > 0 && !types(wide).includes(type));
  if (added.length > 0) found.push(`${at}: the type ${added.join(', ')} ${isRequest ? 'is refused' : 'is new'}.`);
  const values = isRequest
    ? now.enum && (old.enum?.filter((value) => !now.enum.includes(value)) ?? ['other values'])
    : old.enum && now.enum?.filter((value) => !old.enum.includes(value));
  // a new value of an open list, such as codes of problems, does not break clients; a restriction of a request does
  if (isRequest && values?.length > 0) found.push(`${at}: ${values.join(', ')} is refused.`);
  if (isRequest) compareLimits(at, old, now, found);
  for (const [name, member] of Object.entries(old.properties ?? {})) {
    const current = now.properties?.[name];
    if (!current) found.push(`${at}: the member ${name} was removed.`);
    else compareSchemas(`${at}.${name}`, [before, member], [after, current], direction, found);
  }
  for (const name of now.required ?? [])
    if (isRequest && !old.required?.includes(name)) found.push(`${at}: the member ${name} is required.`);
  for (const name of old.required ?? [])
    if (!isRequest && !now.required?.includes(name) && now.properties?.[name])
      found.push(`${at}: the member ${name} may be missing.`);
  if (old.items && now.items) compareSchemas(`${at}[]`, [before, old.items], [after, now.items], direction, found);
}

function compareLimits(at, old, now, found) {
  for (const name of ['maximum', 'maxLength', 'maxItems'])
    if (now[name] < (old[name] ?? Infinity)) found.push(`${at}: ${name} is ${now[name]}.`);
  for (const name of ['minimum', 'minLength', 'minItems'])
    if (now[name] > (old[name] ?? -Infinity)) found.push(`${at}: ${name} is ${now[name]}.`);
}

/** One schema for `allOf`, and for a schema that may be null. */
function flat(document, schema) {
  const { allOf = [], anyOf = [], ...own } = resolve(document, schema);
  const parts = [own, ...allOf.map((part) => flat(document, part))];
  const choices = anyOf.map((part) => flat(document, part));
  const [first] = choices.filter(({ type }) => type !== 'null');
  if (first) parts.push({ ...first, type: choices.flatMap(({ type = [] }) => type) });
  const properties = Object.assign({}, ...parts.map((part) => part.properties));
  const required = parts.flatMap((part) => part.required ?? []);
  return { ...Object.assign({}, ...parts), properties, required };
}

/** Whether a version allows breaking changes since the last release. */
export function allowsBreakingChanges(version, released) {
  const [major, minor] = version.split('.').map(Number);
  const [lastMajor, lastMinor] = released.split('.').map(Number);
  return major > lastMajor || (major === 0 && lastMajor === 0 && minor > lastMinor);
}

function main(commit = 'HEAD') {
  const committed = execFileSync('git', ['show', `${commit}:openapi.json`], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  const changes = breakingChanges(JSON.parse(committed), JSON.parse(readFileSync('openapi.json', 'utf8')));
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const [, released = '0.0.0'] = /^## \[(\d+\.\d+\.\d+)\]/m.exec(readFileSync('CHANGELOG.md', 'utf8')) ?? [];
  for (const change of changes) console.log(change);
  if (changes.length === 0) return;
  const isAllowed = allowsBreakingChanges(version, released);
  console.log(
    `\n${changes.length} breaking changes since ${commit}. The last release is ${released}, this is ${version}.`,
  );
  if (!isAllowed) console.log('Raise the major version in package.json, before 1.0 the minor version.');
  process.exitCode = isAllowed ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) main(process.argv[2]);
