/**
 * When a call is repeated, and after how long.
 *
 * - A call that may change something is repeated only with an Idempotency-Key, or with the payment that it carries.
 *   Every attempt has the same one, so that the gateway does it once.
 * - Repeated are: no answer, HTTP 429, 500, 502, 503 and 504, and code 4003 (the first attempt is in progress).
 * - The number of attempts and each wait are bounded.
 */

import type { Call } from "./calls.js";
import { ApiError, ConnectionFailed, errorOf } from "./errors.js";

/**
 * waitMs doubles with each attempt, with jitter. A Retry-After of the gateway replaces it. If that is more than
 * waitMaxMs, the call is not repeated.
 */
export interface Retries {
  readonly triesMax: number;
  readonly waitMs: number;
  readonly waitMaxMs: number;
}

export const RETRIES: Retries = { triesMax: 5, waitMs: 500, waitMaxMs: 30_000 };

const IN_PROGRESS = 4003;
const MAY_PASS: ReadonlySet<number> = new Set([429, 500, 502, 503, 504]);

/** The body of a success. A refusal is thrown as an error of errors.ts. */
export async function tryUntilAnswered(
  call: Call<unknown>,
  request: () => Request,
  retries: Retries,
  send: typeof fetch,
): Promise<ArrayBuffer> {
  const isSafe = call.method === "GET" || call.key !== undefined || call.isRepeatable === true;
  const triesMax = isSafe ? retries.triesMax : 1;
  for (let tries = 1; ; tries += 1) {
    const isLast = tries >= triesMax;
    const { response, body } = await answered(request(), send);
    let wait = pauseMs(tries, retries);
    if (response === null) {
      if (isLast) throw new ConnectionFailed(String(body), call.key ?? null, { cause: body });
    } else {
      if (response.ok) return body;
      const error = errorOf(response, new TextDecoder().decode(body), call.key ?? null);
      const isInProgress = error instanceof ApiError && error.code === IN_PROGRESS;
      const asked = response.headers.get("Retry-After") ?? "";
      if (/^\d+$/.test(asked)) wait = Number(asked) * 1000;
      const mayPass = isInProgress || MAY_PASS.has(response.status);
      if (isLast || !mayPass || wait > retries.waitMaxMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, wait));
  }
}

type Answered = { response: Response; body: ArrayBuffer } | { response: null; body: unknown };

/** The whole answer; response null: none came, and body says why. */
async function answered(request: Request, send: typeof fetch): Promise<Answered> {
  try {
    const response = await send(request);
    return { response, body: await response.arrayBuffer() };
  } catch (error) {
    return { response: null, body: error };
  }
}

function pauseMs(tries: number, retries: Retries): number {
  const longest = Math.min(retries.waitMs * 2 ** (tries - 1), retries.waitMaxMs);
  return longest * (0.5 + Math.random() / 2);
}
