import fastifyMultipart from '@fastify/multipart';
import type { FastifyInstance } from 'fastify';
import type { MemberErrorCode } from '../problems/catalog.js';
import { escapePointer, type InvalidMember, Problem } from '../problems/problem.js';
import {
  assumeUnknownType,
  CSV_TYPE,
  JSON_TYPES,
  NDJSON_TYPE,
  OTHER_PHOTO_TYPES,
  PHOTO_TYPES,
  refuseEncodings,
} from './media-types.js';

/** Bytes of a JSON body. The sign-in routes are public and need less. */
export const BODY_LIMIT = 64 * 1024;
export const LOGIN_BODY_LIMIT = 8 * 1024;

const MAX_DEPTH = 20;
const MAX_KEYS = 500;
const MAX_ITEMS = 1_000;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses JSON. Forms, images and files stay unread: the routes that take them read them once the guards have passed. Refuses all
 * other types: any web page could send URL-encoded forms and plain text without a CORS preflight. Checks the shape
 * before validation, which would take seconds for 300,000 empty objects.
 */
export async function registerBodyParsers(fastify: FastifyInstance): Promise<void> {
  fastify.removeAllContentTypeParsers();
  await fastify.register(fastifyMultipart);
  fastify.addHook('onRequest', (request, _reply, done) => {
    assumeUnknownType(request);
    done();
  });
  // after the hooks that shed load, before a parser runs
  fastify.addHook('preParsing', (request, _reply, _body, done) => {
    done(refuseEncodings(request));
  });
  const unread = [...PHOTO_TYPES, ...OTHER_PHOTO_TYPES, CSV_TYPE, NDJSON_TYPE];
  fastify.addContentTypeParser(unread, (_request, _body, done) => done(null));
  fastify.addContentTypeParser([...JSON_TYPES], { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parse(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}

function parse(bytes: Buffer): unknown {
  if (bytes.length === 0) return undefined;
  let body: unknown;
  try {
    body = JSON.parse(utf8.decode(bytes));
  } catch {
    throw new Problem('malformed_request', 'The body is not JSON in UTF-8.');
  }
  checkShape(body);
  return body;
}

/** An object or array whose members are still to be checked. */
interface Open {
  value: object;
  depth: number;
  name: string | number;
  parent?: Open;
}

/** Iterative, as the client controls the depth. */
function checkShape(body: unknown): void {
  let keys = 0;
  const open: Open[] = [];
  const check = (value: unknown, name: string | number, parent?: Open): void => {
    if (typeof value === 'string' && !isText(value)) refuseText(pointerTo(name, parent));
    if (typeof value === 'object' && value !== null)
      open.push({ value, depth: parent ? parent.depth + 1 : 0, name, parent });
  };
  check(body, '');
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, depth, name, parent } = next;
    if (depth === MAX_DEPTH)
      refuse(pointerTo(name, parent), 'too_deep', `Must not be nested deeper than ${MAX_DEPTH} levels.`);
    if (Array.isArray(value)) {
      if (value.length > MAX_ITEMS)
        refuse(pointerTo(name, parent), 'too_many_items', `Must not have more than ${MAX_ITEMS} items.`);
      for (const [index, item] of value.entries()) check(item, index, next);
      continue;
    }
    const members = Object.entries(value);
    keys += members.length;
    if (keys > MAX_KEYS) refuse('', 'too_many_members', `Must not have more than ${MAX_KEYS} members.`);
    for (const [member, item] of members) {
      // prototype pollution (CWE-1321); class-transformer would drop these members silently
      if (member in Object.prototype || member === 'prototype')
        refuse(pointerTo(member, next), 'unknown_member', 'Unknown member.');
      if (!isText(member)) refuseText(pointerTo(member, next));
      check(item, member, next);
    }
  }
}

/** Built only for a refusal: most members need none. */
function pointerTo(name: string | number, parent?: Open): string {
  return parent ? `${pointerTo(parent.name, parent.parent)}/${escapePointer(String(name))}` : '';
}

/** NUL ends strings in programs written in C; lone surrogates are not valid Unicode and cannot be stored. */
const isText = (text: string): boolean => !text.includes('\0') && text.isWellFormed();

export function checkText(text: string, pointer: string): void {
  if (!isText(text)) refuseText(pointer);
}

const refuseText = (pointer: string): never =>
  refuse(pointer, 'invalid_text', 'Must be Unicode text without NUL or lone surrogates.');

function refuse(pointer: string, code: MemberErrorCode, message: string): never {
  const error: InvalidMember = { pointer: pointer.toWellFormed(), code, message };
  throw Problem.invalid([error]);
}
