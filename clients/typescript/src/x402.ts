/**
 * Pay for a top-up without an account, with the x402 package: npm install @x402/core @x402/evm viem
 *
 * const payer = new x402Client().register("eip155:*", new ExactEvmScheme(account));
 * const call = await sign(client, payer, { platform: "claude", amount_cents: 1000, recipient_email: "user@example.com" });
 * const bought = await client.run(call);
 *
 * sign() asks for the price and signs a payment. Only run() pays. If run() gets no answer, or answers that the
 * payment is `settling`, run the same call again: it is charged once.
 */

import type { Answer, Call, Runner } from "./calls.js";
import { ApiError } from "./errors.js";
import type { PaidBody, PaidTopUp } from "./types.js";

/** What of x402Client is used: it signs a payment for what a gateway asks for. */
export interface Payer<Required> {
  createPaymentPayload(required: Required): Promise<object>;
}

interface Asked {
  extensions?: Record<string, { info?: object }>;
}

/** The call that pays for the top-up. paymentId: your own secret name for it, 16 to 128 characters. */
export async function sign<Required>(
  client: Runner,
  payer: Payer<Required>,
  fields: PaidBody,
  options: { paymentId?: string } = {},
): Promise<Call<Answer<PaidTopUp>>> {
  // Without a payment nothing is sent, so that it may be repeated.
  const call: Call<Answer<PaidTopUp>> = {
    method: "POST",
    path: "/x402/topup",
    body: fields,
    isRepeatable: true,
  };
  try {
    await client.run(call);
    return call;
  } catch (error) {
    const price = error instanceof ApiError ? error.headers.get("PAYMENT-REQUIRED") : null;
    if (price === null) throw error;
    const asked = JSON.parse(new TextDecoder().decode(unbase64(price))) as Asked;
    const id = options.paymentId ?? `pay_${crypto.randomUUID().replaceAll("-", "")}`;
    const declared = asked.extensions?.["payment-identifier"];
    const identified = { ...declared, info: { ...declared?.info, id } };
    const extensions = { ...asked.extensions, "payment-identifier": identified };
    const payload = await payer.createPaymentPayload({ ...asked, extensions } as Required);
    return { ...call, headers: { "PAYMENT-SIGNATURE": base64(JSON.stringify(payload)) } };
  }
}

function unbase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (one) => one.charCodeAt(0));
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}
