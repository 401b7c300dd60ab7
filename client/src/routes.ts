import type { FetchResponse, MaybeOptionalInit } from 'openapi-fetch';
import type { HttpMethod, PathsWithMethod, RequiredKeysOf } from 'openapi-typescript-helpers';
import type { paths } from './schema.js';

export type InitParam<Init> = RequiredKeysOf<Init> extends never ? [init?: Init] : [init: Init];
/** As in openapi-fetch, but errors are thrown, so `data` is always there. */
type Success<Response> = Extract<Response, { data: unknown }>;
export type Method<M extends HttpMethod> = <
  Path extends PathsWithMethod<paths, M>,
  Init extends MaybeOptionalInit<paths[Path], M>,
>(
  path: Path,
  ...init: InitParam<Init>
) => Promise<Success<FetchResponse<paths[Path][M] & Record<string, unknown>, Init, 'application/json'>>>;

export interface Page<Item> {
  data: Item[];
  page: { next: string | null };
}
type PageOf<Path extends keyof paths> = paths[Path] extends {
  get: { responses: { 200: { content: { 'application/json': infer Body } } } };
}
  ? Body
  : never;
/** The feed is no list: it has no last page. */
export type ListPath = {
  [Path in keyof paths]: PageOf<Path> extends never
    ? never
    : null extends (PageOf<Path> extends Page<unknown> ? PageOf<Path>['page']['next'] : never)
      ? Path
      : never;
}[keyof paths];
export type ItemOf<Path extends ListPath> = PageOf<Path> extends Page<infer Item> ? Item : never;

/** The creates that take an `Idempotency-Key`. The type has them from the OpenAPI: a missing one does not compile. */
type Create = {
  [Path in keyof paths]: paths[Path] extends { post: { parameters: { header?: infer Header } } }
    ? 'Idempotency-Key' extends AllKeys<Header>
      ? Path
      : never
    : never;
}[keyof paths];
type AllKeys<T> = T extends object ? keyof T : never;
export const CREATES: Record<Create, true> = {
  '/customers': true,
  '/users': true,
  '/customers/{id}/merge': true,
  '/users/{id}/password-reset': true,
};
