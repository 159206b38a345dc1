/** Names for what is used most of the generated types; all of them: components["schemas"]. */

import type { components, paths } from "./generated.js";

export type Schemas = components["schemas"];
export type GatewayRefusal = Schemas["Error"];
export type ErrorCode = GatewayRefusal["code"];
export type Failure = Schemas["Failure"];
export type SendBody = Schemas["SendBody"];
export type TopUpStory = Schemas["TopUpStory"];

type Send = paths["/api/public/v1/topup/send"]["post"]["responses"];
export type SendAnswer =
  | Send[200]["content"]["application/json"]
  | Send[202]["content"]["application/json"];

type Json<R> = R extends { content: { "application/json": infer A } } ? A : never;
type Got<P extends keyof paths> = paths[P] extends { get: { responses: { 200: infer R } } }
  ? Json<R>
  : never;
type PageOf<A> = A extends { data: { items: (infer I)[]; next_cursor: string | null } } ? I : never;

/** The paths that answer GET with a list. */
export type ListPath = {
  [P in keyof paths]: [PageOf<Got<P>>] extends [never] ? never : P;
}[keyof paths];
/** What such a list is of. */
export type ItemOf<P extends ListPath> = PageOf<Got<P>>;
/** The filters of such a list. */
export type FiltersOf<P extends ListPath> = paths[P] extends {
  get: { parameters: { query?: infer Q } };
}
  ? NonNullable<Q>
  : never;
