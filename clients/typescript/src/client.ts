/** A gateway. */

import type { Call } from "./calls.js";
import { StillWaiting } from "./errors.js";
import { Operations } from "./operations.js";
import { RETRIES, type Retries, tryUntilAnswered } from "./retries.js";
import type { TopUpStory } from "./types.js";

export interface ClientOptions {
  /** The gateway's address. */
  url: string;
  /** An API key. Left out: only calls that need none. */
  key?: string;
  retries?: Partial<Retries>;
  /** Your own, such as one with a proxy. Left out: the platform's. */
  fetch?: typeof fetch;
}

const WAITING: ReadonlySet<TopUpStory["status"]> = new Set(["scheduled", "pending", "reversing"]);
// The gateway holds a status call until the status changes, or for so long.
const HELD_S = 20;

export class Client extends Operations {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #retries: Retries;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    super();
    this.#url = options.url.replace(/\/+$/, "");
    this.#headers = options.key === undefined ? {} : { Authorization: `Bearer ${options.key}` };
    this.#retries = { ...RETRIES, ...options.retries };
    this.#fetch = options.fetch ?? fetch;
  }

  /** Makes the call, with repetitions. Throws GatewayError. */
  async run<T>(call: Call<T>): Promise<T> {
    const response = await tryUntilAnswered(call, () => this.#request(call), this.#retries, this.#fetch);
    const answer: unknown = call.isFile
      ? new Uint8Array(await response.arrayBuffer())
      : await response.json();
    return answer as T;
  }

  /** The top-up when it has ended. Throws StillWaiting. */
  async wait(transactionId: string, options: { timeoutMs?: number } = {}): Promise<TopUpStory> {
    const end = Date.now() + (options.timeoutMs ?? 300_000);
    for (;;) {
      const heldS = Math.max(0, Math.min(HELD_S, Math.ceil((end - Date.now()) / 1000)));
      const { data } = await this.topups.status(transactionId, { wait_s: heldS });
      if (!WAITING.has(data.status)) return data;
      if (heldS === 0) throw new StillWaiting(transactionId);
    }
  }

  #request(call: Call<unknown>): Request {
    const url = new URL(this.#url + call.path);
    for (const [name, value] of Object.entries(call.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers = new Headers({ ...this.#headers, ...call.headers });
    if (call.key !== undefined) headers.set("Idempotency-Key", call.key);
    if (call.body === undefined) return new Request(url, { method: call.method, headers });
    headers.set("Content-Type", "application/json");
    return new Request(url, { method: call.method, headers, body: JSON.stringify(call.body) });
  }
}
