/** A client of the Topup Gateway: typed calls, retries that charge once, webhooks, x402. */

export { type Answer, type Call, type Keyed, List, type Page } from "./calls.js";
export { Client, type ClientOptions } from "./client.js";
export * from "./errors.js";
export type { Retries } from "./retries.js";
export type * as types from "./types.js";
export type { TypedEvent } from "./types.js";
export { eventOf, isTyped, TOLERANCE_S, type UnknownEvent, verify, type VerifyOptions } from "./webhooks.js";
export { type Payer, sign } from "./x402.js";
