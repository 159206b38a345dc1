/**
 * Webhooks: check that a request is the gateway's, and read its event. By WebCrypto, so it runs in Node, Deno, Bun
 * and workers.
 *
 * Deliveries come at least once: remember the IDs of the events that you have handled.
 */

import { CannotVerify, InvalidSignature } from "./errors.js";
import { type Event, EVENT_TYPES, type TypedEvent } from "./types.js";

export const TOLERANCE_S = 300;

/** An event of a type that this version of the client does not know. */
export type UnknownEvent = Omit<Event, "type"> & { type: string & { unknown?: never } };

export interface VerifyOptions {
  /** How old, or how far ahead, it may be, in seconds. */
  toleranceS?: number;
  /** Unix seconds; left out: this machine's clock. */
  nowS?: number;
}

const HMAC = { name: "HMAC", hash: "SHA-256" };
const ED25519 = { name: "Ed25519" };
const PUBLIC_PREFIX = "whpk_";
// The gateway sends six of a kind at most; a forger might send thousands.
const PARTS_MAX = 40;

type Given = Headers | Record<string, string | string[] | undefined>;
interface Signed {
  algorithm: { name: string; hash?: string };
  content: Uint8Array<ArrayBuffer>;
  key: Uint8Array<ArrayBuffer>;
  signature: Uint8Array<ArrayBuffer>;
}

/**
 * The event of a genuine request; throws InvalidSignature. body: the raw bytes, or the same as text.
 * secret: the endpoint's whsec_…, or its public key whpk_…, or several while one is rotated. One that fits is
 * enough. A runtime whose WebCrypto has no Ed25519 checks by the whsec_… alone, and throws CannotVerify where
 * none is given.
 */
export async function verify(
  body: string | Uint8Array,
  headers: Given,
  secret: string | readonly string[],
  options: VerifyOptions = {},
): Promise<TypedEvent | UnknownEvent> {
  const raw = typeof body === "string" ? bytesOf(body) : new Uint8Array(body);
  const nowS = options.nowS ?? Date.now() / 1000;
  const secrets = typeof secret === "string" ? [secret] : secret;
  const made = [...candidates(raw, headers, secrets, nowS, options.toleranceS ?? TOLERANCE_S)];
  const fits = await Promise.all(made.map(isGenuine));
  if (!fits.includes(true)) throw unproved(secrets, fits.includes(null));
  return eventOf(new TextDecoder().decode(raw));
}

/** The event of a body that is known to be genuine. */
export function eventOf(body: string): TypedEvent | UnknownEvent {
  let event: TypedEvent | UnknownEvent;
  try {
    event = JSON.parse(body) as TypedEvent | UnknownEvent;
  } catch {
    throw new InvalidSignature("The body isn't an event.");
  }
  if (typeof event?.type !== "string") throw new InvalidSignature("The body isn't an event.");
  return event;
}

/** Whether the event is of a type that this version knows, and so of its own shape. */
export function isTyped(event: TypedEvent | UnknownEvent): event is TypedEvent {
  return EVENT_TYPES.has(event.type);
}

/** Each signature with each key of its kind; Standard Webhooks' where they are there, else Stripe's. */
function* candidates(
  raw: Uint8Array<ArrayBuffer>,
  headers: Given,
  keys: readonly string[],
  nowS: number,
  toleranceS: number,
): Generator<Signed> {
  // A public key is never a secret of an HMAC: everybody knows it.
  const publicKeys = keys.filter((one) => one.startsWith(PUBLIC_PREFIX)).map(publicKeyOf);
  const secrets = keys.filter((one) => !one.startsWith(PUBLIC_PREFIX));
  const standard = header(headers, "webhook-signature");
  const stripe = header(headers, "x-aitopup-signature");
  if (standard !== null) {
    const time = checked(header(headers, "webhook-timestamp"), nowS, toleranceS);
    const content = joined(`${header(headers, "webhook-id") ?? ""}.${time}.`, raw);
    const known = [
      { version: "v1", algorithm: HMAC, of: secrets.map(keyOf) },
      { version: "v1a", algorithm: ED25519, of: publicKeys },
    ];
    for (const part of standard.split(" ").slice(0, PARTS_MAX)) {
      const [version, value = ""] = part.split(",");
      const signature = unbase64(value);
      const kind = known.find((one) => one.version === version);
      if (signature === null || kind === undefined) continue;
      for (const key of kind.of) yield { algorithm: kind.algorithm, content, key, signature };
    }
  } else if (stripe !== null) {
    const pairs = stripe.split(",").map((part) => part.trim().split("="));
    const time = checked(pairs.find(([name]) => name === "t")?.[1] ?? null, nowS, toleranceS);
    const content = joined(`${time}.`, raw);
    for (const [name, value = ""] of pairs) {
      if (name !== "v1" || !/^[0-9a-f]{64}$/.test(value)) continue;
      const signature = unhex(value);
      for (const one of secrets) yield { algorithm: HMAC, content, key: bytesOf(one), signature };
    }
  } else {
    throw new InvalidSignature("The request has no signature header.");
  }
}

/** By WebCrypto, which compares in constant time; null: this runtime has no Ed25519. */
async function isGenuine({ algorithm, content, key, signature }: Signed): Promise<boolean | null> {
  let made: CryptoKey;
  try {
    made = await crypto.subtle.importKey("raw", key, algorithm, false, ["verify"]);
  } catch (error) {
    if (algorithm !== ED25519) throw error;
    return null;
  }
  return crypto.subtle.verify(algorithm, made, signature, content);
}

function unproved(keys: readonly string[], isInPart: boolean): InvalidSignature | CannotVerify {
  if (!isInPart) return new InvalidSignature("No signature matches.");
  const why = "This runtime has no Ed25519, so it can't check by a whpk_….";
  return keys.every((one) => one.startsWith(PUBLIC_PREFIX))
    ? new CannotVerify(`${why} Give the endpoint's whsec_….`)
    : new InvalidSignature(`No signature matches the secret. ${why}`);
}

function checked(time: string | null, nowS: number, toleranceS: number): string {
  if (time === null || !/^\d{1,12}$/.test(time)) {
    throw new InvalidSignature("The request has no timestamp.");
  }
  if (Math.abs(nowS - Number(time)) > toleranceS) {
    throw new InvalidSignature("The request was signed too long ago, or this machine's clock is wrong.");
  }
  return time;
}

function header(headers: Given, name: string): string | null {
  if (headers instanceof Headers) return headers.get(name);
  const found = Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];
  return (Array.isArray(found) ? found[0] : found) ?? null;
}

function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  const key = secret.startsWith("whsec_") ? unbase64(secret.slice("whsec_".length)) : null;
  if (key === null) throw new InvalidSignature("The secret isn't whsec_ and base64.");
  return key;
}

function publicKeyOf(text: string): Uint8Array<ArrayBuffer> {
  const key = unbase64(text.slice(PUBLIC_PREFIX.length));
  if (key?.length !== 32) {
    throw new InvalidSignature("The public key isn't whpk_ and the base64 of 32 bytes.");
  }
  return key;
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function joined(before: string, raw: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = bytesOf(before);
  const made = new Uint8Array(head.length + raw.length);
  made.set(head);
  made.set(raw, head.length);
  return made;
}

function unbase64(text: string): Uint8Array<ArrayBuffer> | null {
  try {
    return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
  } catch {
    return null;
  }
}

function unhex(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
