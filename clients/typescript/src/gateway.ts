/** A gateway as a program meets it. */

import createClient, { type Client } from "openapi-fetch";

import { StillWaiting, UnexpectedAnswer } from "./errors.js";
import type { paths } from "./generated.js";
import { RETRIES, type Retries, retrying } from "./retries.js";
import type {
  FiltersOf,
  ItemOf,
  ListPath,
  SendAnswer,
  SendBody,
  TopUpStory,
} from "./types.js";

export interface GatewayOptions {
  /** The gateway's address. */
  url: string;
  /** An API key; left out: only what needs none. */
  key?: string;
  retries?: Partial<Retries>;
  /** Such as one with a proxy of yours; left out: the platform's. */
  fetch?: typeof fetch;
}

const WAITING: ReadonlySet<TopUpStory["status"]> = new Set(["scheduled", "pending", "reversing"]);
// The gateway answers a question about what waits when it changes, or after so long.
const HELD_S = 20;

export class Gateway {
  /** Every call, typed: await gateway.take(gateway.api.POST("/api/public/v1/keys", { body })). */
  readonly api: Client<paths, "application/json">;
  readonly #fetch: (request: Request) => Promise<Response>;
  readonly #url: string;
  readonly #headers: Record<string, string>;

  constructor(options: GatewayOptions) {
    this.#url = options.url.replace(/\/+$/, "");
    this.#headers = options.key === undefined ? {} : { Authorization: `Bearer ${options.key}` };
    this.#fetch = retrying({ ...RETRIES, ...options.retries }, options.fetch ?? fetch);
    this.api = createClient<paths, "application/json">({
      baseUrl: this.#url,
      headers: this.#headers,
      fetch: this.#fetch,
    });
  }

  /** The answer of a call; a refusal was thrown as an error by then. */
  async take<T>(call: Promise<{ data?: T; response: Response }>): Promise<T> {
    const { data, response } = await call;
    if (data === undefined) throw new UnexpectedAnswer(response.status, "no body");
    return data;
  }

  /** Sends a top-up, once. Without a key of your own each call of send is another top-up. */
  async send(body: SendBody, options: { idempotencyKey?: string } = {}): Promise<SendAnswer> {
    const key = options.idempotencyKey;
    const header = key === undefined ? {} : { header: { "Idempotency-Key": key } };
    return this.take(this.api.POST("/api/public/v1/topup/send", { body, params: header }));
  }

  /** The top-up once it has ended, and a person has decided on it; throws StillWaiting. */
  async wait(transactionId: string, options: { timeoutMs?: number } = {}): Promise<TopUpStory> {
    const end = Date.now() + (options.timeoutMs ?? 300_000);
    for (;;) {
      const heldS = Math.max(0, Math.min(HELD_S, Math.ceil((end - Date.now()) / 1000)));
      const story = await this.status(transactionId, { waitS: heldS });
      if (!WAITING.has(story.status)) return story;
      if (heldS === 0) throw new StillWaiting(transactionId);
    }
  }

  /** The top-up as it is now; with waitS once it has changed, or after so many seconds. */
  async status(transactionId: string, options: { waitS?: number } = {}): Promise<TopUpStory> {
    const path = { transaction_id: transactionId };
    const query = options.waitS === undefined ? {} : { wait_s: options.waitS };
    const call = this.api.GET("/api/public/v1/topup/status/{transaction_id}", {
      params: { path, query },
    });
    return (await this.take(call)).data;
  }

  /** Every item of a list, page by page: gateway.items("/api/public/v1/topup/history", { status: "failed" }). */
  async *items<P extends ListPath>(path: P, filters?: FiltersOf<P>): AsyncGenerator<ItemOf<P>> {
    let cursor: string | null = null;
    do {
      const page: Page<ItemOf<P>> = await this.#page(path, filters, cursor);
      yield* page.items;
      cursor = page.next_cursor;
    } while (cursor !== null);
  }

  async #page<T>(path: string, filters: object | undefined, cursor: string | null): Promise<Page<T>> {
    const url = new URL(this.#url + path);
    for (const [name, value] of Object.entries({ ...filters, ...(cursor && { cursor }) })) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const answer = await this.#fetch(new Request(url, { headers: this.#headers }));
    return ((await answer.json()) as { data: Page<T> }).data;
  }
}

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}
