/**
 * fetch that tries again. What may change something is repeated only under an Idempotency-Key, which every
 * attempt carries, so that it happens once. The number of attempts and each wait are bounded.
 */

import { ApiError, ConnectionFailed, errorOf } from "./errors.js";
import { KEYLESS } from "./generated_tables.js";

/** The wait doubles from waitMs, jittered; a Retry-After counts instead; one above waitMaxMs is not waited for. */
export interface Retries {
  readonly triesMax: number;
  readonly waitMs: number;
  readonly waitMaxMs: number;
}

export const RETRIES: Retries = { triesMax: 5, waitMs: 500, waitMaxMs: 30_000 };

const KEY_HEADER = "Idempotency-Key";
const IN_PROGRESS = 4003;

/** A fetch for one gateway: what is no success is thrown as an error of errors.ts. */
export function retrying(retries: Retries, send: typeof fetch) {
  return async (request: Request): Promise<Response> => {
    const key = keyOf(request);
    const triesMax = request.method === "GET" || key !== null ? retries.triesMax : 1;
    for (let tries = 1; ; tries += 1) {
      const isLast = tries >= triesMax;
      const answer = await sent(request, key, send, isLast);
      if (answer?.ok) return answer;
      await sleep(await pauseMs(answer, key, retries, tries, isLast));
    }
  };
}

/** The caller's key, or a new one; null where the call takes none. */
function keyOf(request: Request): string | null {
  const { method } = request;
  const call = `${method} ${new URL(request.url).pathname}`;
  if (method === "GET" || KEYLESS.some((pattern) => pattern.test(call))) return null;
  return request.headers.get(KEY_HEADER) ?? crypto.randomUUID();
}

/** The answer; null where none came and the call is made again. */
async function sent(
  request: Request,
  key: string | null,
  send: typeof fetch,
  isLast: boolean,
): Promise<Response | null> {
  const attempt = request.clone();
  if (key !== null) attempt.headers.set(KEY_HEADER, key);
  try {
    return await send(attempt);
  } catch (error) {
    // Whoever called it off wants no other attempt.
    if (isLast || request.signal.aborted) {
      throw new ConnectionFailed(String(error), key, { cause: error });
    }
    return null;
  }
}

/** How long to wait before the next attempt; throws the answer's error where there is none. */
async function pauseMs(
  answer: Response | null,
  key: string | null,
  retries: Retries,
  tries: number,
  isLast: boolean,
): Promise<number> {
  const most = Math.min(retries.waitMs * 2 ** (tries - 1), retries.waitMaxMs);
  const pause = most * (0.5 + Math.random() / 2);
  if (answer === null) return pause;
  const error = errorOf(answer.status, await answer.text(), key);
  const isInProgress = error instanceof ApiError && error.code === IN_PROGRESS;
  const mayPass = isInProgress || answer.status === 429 || answer.status >= 500;
  const told = Number(answer.headers.get("Retry-After") ?? Number.NaN) * 1000;
  const wait = Number.isNaN(told) ? pause : told;
  if (isLast || !mayPass || wait > retries.waitMaxMs) throw error;
  return wait;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
