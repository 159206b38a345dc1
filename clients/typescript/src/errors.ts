/** What can go wrong. Every error of this package is a GatewayError; ApiError is a refusal with its code. */

import type { ErrorCode, Failure, GatewayRefusal } from "./types.js";

/** The base of every error of this package. */
export class GatewayError extends Error {
  override name = this.constructor.name;
}

/** No answer came, after all retries. Whether the call took effect is unknown: repeat it with the same key. */
export class ConnectionFailed extends GatewayError {
  constructor(
    detail: string,
    readonly idempotencyKey: string | null,
    options?: ErrorOptions,
  ) {
    super(detail, options);
  }
}

/** An answer that is none of this API's, such as a proxy's page; text is its beginning. */
export class UnexpectedAnswer extends GatewayError {
  constructor(
    readonly status: number,
    readonly text: string,
  ) {
    super(`HTTP ${status}: ${text}`);
  }
}

/** wait() ended before the top-up did; ask again by its transactionId. */
export class StillWaiting extends GatewayError {
  constructor(readonly transactionId: string) {
    super(`${transactionId} has not ended yet`);
  }
}

/** A webhook that is not from the gateway. */
export class InvalidSignature extends GatewayError {}

/** This runtime cannot check by the keys that were given: whether the webhook is genuine is unknown. */
export class CannotVerify extends GatewayError {}

/** The gateway refused. nextAction says what to do, for programs; links which call comes next. */
export class ApiError extends GatewayError {
  readonly code: ErrorCode;
  /** All that the gateway said of it, with the facts that some causes add. */
  readonly failure: Failure;

  constructor(
    readonly answer: GatewayRefusal,
    readonly status: number,
    readonly idempotencyKey: string | null,
  ) {
    super(`${answer.code} ${answer.message}: ${answer.data.error.detail}`);
    this.code = answer.code;
    this.failure = answer.data.error;
  }

  get nextAction(): Failure["next_action"] {
    return this.failure.next_action;
  }

  /** Which cause, where a code has several. */
  get reason(): string | undefined {
    return this.failure.reason;
  }

  /** All that is wrong with the request, with what would be taken. */
  get errors(): NonNullable<Failure["errors"]> {
    return this.failure.errors ?? [];
  }

  /** Which call comes next, the most useful first. */
  get links(): NonNullable<Failure["links"]> {
    return this.failure.links ?? [];
  }
}

/** 2001, 2010: the key is wrong, expired or revoked. */
export class CredentialError extends ApiError {}
/** 2009, 4002: this key may not do this, or not from here. */
export class NotAllowed extends ApiError {}
/** 2002, 2008, 2012, 2013: the balance, a cap or a limit does not reach. */
export class OutOfFunds extends ApiError {}
/** 2003, 2004, 2005, 2007, 3003, 3010, 4004, 5002: the request has to change; errors says how. */
export class BadRequest extends ApiError {}
/** 2006, 2011, 3002, 3004, 3008, 3009: what happened before forbids it. */
export class Conflict extends ApiError {}
/** 3005: the platform refused; the funds are back. */
export class TopUpFailed extends ApiError {}
/** 4001, 4003, 4005, 5000: the same call may succeed later, under the same key. */
export class TryLater extends ApiError {}

const KINDS: readonly (readonly [typeof ApiError, readonly number[]])[] = [
  [CredentialError, [2001, 2010]],
  [NotAllowed, [2009, 4002]],
  [OutOfFunds, [2002, 2008, 2012, 2013]],
  [BadRequest, [2003, 2004, 2005, 2007, 3003, 3010, 4004, 5002]],
  [Conflict, [2006, 2011, 3002, 3004, 3008, 3009]],
  [TopUpFailed, [3005]],
  [TryLater, [4001, 4003, 4005, 5000]],
];

/** The error of an answer that is no success; text: its body. */
export function errorOf(status: number, text: string, key: string | null): GatewayError {
  const answer = refusalIn(text);
  if (answer === null) return new UnexpectedAnswer(status, text.slice(0, 500));
  const kind = KINDS.find(([, codes]) => codes.includes(answer.code))?.[0] ?? ApiError;
  return new kind(answer, status, key);
}

function refusalIn(text: string): GatewayRefusal | null {
  try {
    const answer = JSON.parse(text) as GatewayRefusal;
    return typeof answer.code === "number" && typeof answer.data.error.detail === "string"
      ? answer
      : null;
  } catch {
    return null;
  }
}
