/** A gateway. */

import type { Answer, Call } from "./calls.js";
import { StillWaiting, UnexpectedAnswer } from "./errors.js";
import { Operations } from "./operations.js";
import { RETRIES, type Retries, tryUntilAnswered } from "./retries.js";
import type { TopUpStory } from "./types.js";

export interface ClientOptions {
  /** The gateway's address. */
  url: string;
  /** An API key. Left out: only calls that need none. */
  key?: string;
  retries?: Partial<Retries>;
  /** How long an attempt may take. Left out: a minute. */
  timeoutMs?: number;
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
  readonly #timeoutMs: number;
  readonly #fetch: typeof fetch;

  constructor(options: ClientOptions) {
    super();
    this.#url = options.url.replace(/\/+$/, "");
    // A file's last line may end in a line break. The error of fetch would print the key.
    const key = options.key?.trim();
    if (key !== undefined && !/^[\x20-\x7e]+$/.test(key)) {
      throw new RangeError("The API key must be one line of ASCII characters.");
    }
    this.#headers = key === undefined ? {} : { Authorization: `Bearer ${key}` };
    this.#retries = { ...RETRIES, ...options.retries };
    this.#timeoutMs = options.timeoutMs ?? 60_000;
    this.#fetch = options.fetch ?? fetch;
  }

  /** Makes the call, with repetitions. Throws GatewayError. */
  async run<T>(call: Call<T>): Promise<T> {
    const body = await tryUntilAnswered(call, () => this.#request(call), this.#retries, this.#fetch);
    return (call.isFile ? new Uint8Array(body) : parsed(body, call.key ?? null)) as T;
  }

  /** The top-up when it has ended. Throws StillWaiting. topUp: what send() answered, or its ID. */
  async wait(
    topUp: string | Answer<unknown>,
    options: { timeoutMs?: number } = {},
  ): Promise<TopUpStory> {
    const transactionId = typeof topUp === "string" ? topUp : topUp.transaction_id;
    if (transactionId === null) throw new RangeError("This answer isn't about a top-up.");
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
    const signal = AbortSignal.timeout(this.#timeoutMs);
    if (call.body === undefined) return new Request(url, { method: call.method, headers, signal });
    headers.set("Content-Type", "application/json");
    const body = JSON.stringify(call.body);
    return new Request(url, { method: call.method, headers, body, signal });
  }
}

function parsed(body: ArrayBuffer, key: string | null): unknown {
  const text = new TextDecoder().decode(body);
  try {
    return JSON.parse(text);
  } catch {
    throw new UnexpectedAnswer(200, text, key);
  }
}
