import fastifyMultipart from '@fastify/multipart';
import type { FastifyInstance } from 'fastify';
import { escapePointer, type InvalidMember, Problem } from '../problems/problem.js';
import { JSON_TYPES, PHOTO_TYPES } from './media-types.js';

/** Bytes of a JSON body; sign-in needs less, and is open to everybody. */
export const BODY_LIMIT = 64 * 1024;
export const LOGIN_BODY_LIMIT = 8 * 1024;

const MAX_DEPTH = 20;
const MAX_KEYS = 500;
const MAX_ITEMS = 1_000;
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Takes JSON, and for the routes that say so forms and images, which are left unread until the guards have let them in.
 * Nothing else: URL-encoded forms and plain text could be sent by any web page, without asking (CORS preflight). The shape is checked before validation sees it, which would work for seconds on 300,000 empty objects.
 */
export async function registerBodyParsers(fastify: FastifyInstance): Promise<void> {
  fastify.removeAllContentTypeParsers();
  await fastify.register(fastifyMultipart);
  fastify.addContentTypeParser([...PHOTO_TYPES], (_request, _body, done) => done(null));
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

/** Without recursion: the depth is the client's to choose. */
function checkShape(body: unknown): void {
  let keys = 0;
  const open: Array<{ value: unknown; pointer: string; depth: number }> = [{ value: body, pointer: '', depth: 0 }];
  for (let next = open.pop(); next; next = open.pop()) {
    const { value, pointer, depth } = next;
    if (typeof value === 'string') checkText(value, pointer);
    if (typeof value !== 'object' || value === null) continue;
    if (depth === MAX_DEPTH) refuse(pointer, 'too_deep', `must not be nested deeper than ${MAX_DEPTH} levels`);
    if (Array.isArray(value)) {
      if (value.length > MAX_ITEMS) refuse(pointer, 'too_many_items', `must not have more than ${MAX_ITEMS} items`);
      value.forEach((item, index) => open.push({ value: item, pointer: `${pointer}/${index}`, depth: depth + 1 }));
      continue;
    }
    const names = Object.keys(value);
    keys += names.length;
    if (keys > MAX_KEYS) refuse('', 'too_many_members', `must not have more than ${MAX_KEYS} members`);
    for (const name of names) {
      const member = `${pointer}/${escapePointer(name)}`;
      // they reach an object's prototype (CWE-1321), and class-transformer would leave them out silently
      if (name in Object.prototype || name === 'prototype') refuse(member, 'unknown_member', 'is not known');
      checkText(name, member);
      open.push({ value: (value as Record<string, unknown>)[name], pointer: member, depth: depth + 1 });
    }
  }
}

/** NUL ends strings in many a program behind us; lone surrogates are no text and cannot be stored. */
export function checkText(text: string, pointer: string): void {
  if (text.includes('\0') || !text.isWellFormed())
    refuse(pointer, 'invalid_text', 'must be Unicode text without NUL or lone surrogates');
}

function refuse(pointer: string, code: string, message: string): never {
  const error: InvalidMember = { pointer: pointer.toWellFormed(), code, message };
  throw Problem.invalid([error]);
}
