/** A client of the Topup Gateway: typed calls, retries that charge once, webhooks, events. */

export * from "./errors.js";
export type { components, operations, paths } from "./generated.js";
export type { TypedEvent } from "./generated_tables.js";
export { Gateway, type GatewayOptions } from "./gateway.js";
export type { Retries } from "./retries.js";
export type {
  FiltersOf,
  ItemOf,
  ListPath,
  Schemas,
  SendAnswer,
  SendBody,
  TopUpStory,
} from "./types.js";
export { eventOf, isTyped, TOLERANCE_S, type UnknownEvent, verify, type VerifyOptions } from "./webhooks.js";
