/** What can go wrong. Every error of this package is a GatewayError; ApiError is a refusal with its code. */

import type { Error as Refusal, Failure } from "./types.js";

/** The base of every error of this package. */
export class GatewayError extends Error {
  override name = this.constructor.name;
}

/** No answer came, so the outcome is unknown. Repeat the call with this idempotencyKey. */
export class ConnectionFailed extends GatewayError {
  constructor(
    detail: string,
    readonly idempotencyKey: string | null,
    options?: ErrorOptions,
  ) {
    const next = `\n  next: repeat the call with idempotencyKey ${JSON.stringify(idempotencyKey)}`;
    super(`No answer came: ${detail}${idempotencyKey === null ? "" : next}`, options);
  }
}

/** An answer that isn't one of this API's, such as a proxy's page; text is its body. */
export class UnexpectedAnswer extends GatewayError {
  constructor(
    readonly status: number,
    readonly text: string,
    readonly idempotencyKey: string | null,
  ) {
    super(`HTTP ${status}: ${text.slice(0, 500)}`);
  }
}

/** wait() ended before the top-up did. Call it again with this transactionId. */
export class StillWaiting extends GatewayError {
  constructor(readonly transactionId: string) {
    super(`${transactionId} has not ended yet`);
  }
}

/** A webhook that isn't the gateway's. */
export class InvalidSignature extends GatewayError {}

/** This runtime can't check by the keys that were given, so it is unknown whether the webhook is genuine. */
export class CannotVerify extends GatewayError {}

/** The gateway refused. nextAction says what a program should do, links which call comes next. */
export class ApiError extends GatewayError {
  readonly code: Refusal["code"];
  /** All that the gateway said about the refusal, with the facts that some causes add. */
  readonly failure: Failure;
  readonly status: number;
  readonly headers: Headers;
  /** What finds the request in the gateway's log. */
  readonly requestId: string | null;

  constructor(
    readonly answer: Refusal,
    response: Response,
    readonly idempotencyKey: string | null,
  ) {
    const requestId = response.headers.get("X-Request-Id");
    super(printed(answer, requestId));
    this.code = answer.code;
    this.failure = answer.data.error;
    this.status = response.status;
    this.headers = response.headers;
    this.requestId = requestId;
  }

  get nextAction(): Failure["next_action"] {
    return this.failure.next_action;
  }

  /** Which cause it is, if the code has several. */
  get reason(): string | undefined {
    return this.failure.reason;
  }

  /** Every field that is wrong, and what would be accepted. */
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
/** 2002, 2008, 2012, 2013: the balance, a cap or a limit is too low. */
export class OutOfFunds extends ApiError {}
/** 2003, 2004, 2005, 2007, 3003, 3010, 4004, 5002: change the request; errors says how. */
export class BadRequest extends ApiError {}
/** 2006, 2011, 3002, 3004, 3008, 3009: something that happened before forbids it. */
export class Conflict extends ApiError {}
/** 3005: the platform refused, and the funds are back. */
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
export function errorOf(response: Response, text: string, key: string | null): GatewayError {
  const answer = refusalIn(text);
  if (answer === null) return new UnexpectedAnswer(response.status, text, key);
  const kind = KINDS.find(([, codes]) => codes.includes(answer.code))?.[0] ?? ApiError;
  return new kind(answer, response, key);
}

function refusalIn(text: string): Refusal | null {
  try {
    const answer = JSON.parse(text) as Refusal;
    return typeof answer.code === "number" && typeof answer.data.error.detail === "string"
      ? answer
      : null;
  } catch {
    return null;
  }
}

/** The message: the code, what is wrong, and how to repair it. */
function printed(answer: Refusal, requestId: string | null): string {
  const failure = answer.data.error;
  return [
    `${answer.code} ${answer.message}: ${failure.detail}`,
    ...(failure.errors ?? []).map(
      ({ param, detail, did_you_mean: meant }) =>
        `  ${param}: ${detail}${meant === undefined ? "" : ` Did you mean '${meant}'?`}`,
    ),
    `  next: ${failure.next_action}`,
    ...(failure.links ?? []).map((link) => `  ${link.rel}: ${link.method} ${link.href}`),
    `  docs: ${failure.doc_url}`,
    ...(requestId === null ? [] : [`  request: ${requestId}`]),
  ].join("\n");
}
