/** A day of clients/typescript: what a program does with it, typed to the last field. Prints what it saw. */

import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

import {
  BadRequest,
  Conflict,
  Gateway,
  InvalidSignature,
  isTyped,
  type SendBody,
  verify,
} from "./client/index.js";

const EMAIL = "user@example.com";
const gateway = new Gateway({
  url: process.env["GATEWAY"] ?? "",
  key: process.env["KEY"] ?? "",
  retries: { waitMs: 10 },
});

// Its answer is lost on the way: it is asked for again, and paid once.
await gateway.send({ platform: "claude", amount_cents: 1000, recipient_email: EMAIL, reference: "ts" });
let sent = 0;
for await (const one of gateway.items("/api/public/v1/topup/history", { reference: "ts" })) {
  const cents: number = one.amount_cents;
  sent += cents / 1000;
}

/** What a program does that knows no more than the error says. */
async function repaired(body: SendBody): Promise<SendBody> {
  try {
    await gateway.send(body);
  } catch (error) {
    if (!(error instanceof BadRequest)) throw error;
    const problem = error.errors[0];
    if (problem?.param === "platform" && problem.did_you_mean !== undefined) {
      return { ...body, platform: problem.did_you_mean };
    }
  }
  return body;
}
const body = await repaired({ platform: "cluade", amount_cents: 1200, recipient_email: EMAIL });
await gateway.send(body, { idempotencyKey: "ts-second" });
let refused = "";
try {
  await gateway.send({ ...body, amount_cents: 1300 }, { idempotencyKey: "ts-second" });
} catch (error) {
  if (error instanceof Conflict) refused = error.nextAction;
}

let pages = 0;
for await (const one of gateway.items("/api/public/v1/events", { limit: 1 })) {
  if (one.type === "topup.delivered") pages += 1;
  if (pages === 3) break;
}

interface Hook {
  headers: IncomingMessage["headers"];
  body: string;
}
const server = createServer();
const came = new Promise<Hook>((resolve) => {
  server.on("request", (request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      response.end();
      resolve({ headers: request.headers, body: Buffer.concat(chunks).toString() });
    });
  });
});
await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
const { port } = server.address() as AddressInfo;
const { data: endpoint } = await gateway.take(
  gateway.api.POST("/api/public/v1/webhooks/register", {
    body: { url: `http://127.0.0.1:${port}/hook`, events: ["topup.delivered"] },
  }),
);

const waiting = await gateway.send({
  platform: "claude",
  amount_cents: 700,
  recipient_email: "pending@sandbox.test",
});
const path = { transaction_id: waiting.transaction_id ?? "" };
const ended = gateway.wait(path.transaction_id);
await gateway.take(
  gateway.api.POST("/api/public/v1/sandbox/topups/{transaction_id}", {
    params: { path },
    body: { outcome: "delivered" },
  }),
);
const waited = (await ended).status;

const hook = await came;
const event = await verify(hook.body, hook.headers, endpoint.secret);
const { "webhook-signature": _, ...stripe } = hook.headers;
await verify(hook.body, stripe, endpoint.secret);
const publicKey = endpoint.public_key ?? "";
await verify(hook.body, hook.headers, publicKey);
let amount = 0;
// Here the type says which data it is.
if (isTyped(event) && event.type === "topup.delivered") amount = event.data.amount_cents;
if (amount !== 700) throw new Error(`another event: ${hook.body}`);
let forged = "";
// The last is an HMAC by the public key, which everybody knows.
const time = hook.headers["webhook-timestamp"];
const guessed = createHmac("sha256", publicKey).update(`${time}.${hook.body}`).digest("hex");
const forgeries: [string, typeof hook.headers, string][] = [
  [`${hook.body} `, hook.headers, endpoint.secret],
  [`${hook.body} `, stripe, endpoint.secret],
  [`${hook.body} `, hook.headers, publicKey],
  [hook.body, { "x-aitopup-signature": `t=${time},v1=${guessed}` }, publicKey],
];
for (const [forgedBody, headers, key] of forgeries) {
  try {
    await verify(forgedBody, headers, key);
    forged = "taken";
  } catch (error) {
    if (error instanceof InvalidSignature) forged ||= error.message;
  }
}
server.close();

// An older runtime: its WebCrypto knows no Ed25519.
const importKey = crypto.subtle.importKey.bind(crypto.subtle) as (...given: unknown[]) => Promise<CryptoKey>;
Object.defineProperty(crypto.subtle, "importKey", {
  value: (format: string, key: unknown, algorithm: { name: string }, ...rest: unknown[]) =>
    algorithm.name === "Ed25519"
      ? Promise.reject(new DOMException("Unrecognized name.", "NotSupportedError"))
      : importKey(format, key, algorithm, ...rest),
});
const both = [publicKey, endpoint.secret];
const without = [(await verify(hook.body, hook.headers, both)).type];
for (const [text, keys] of [[`${hook.body} `, both], [hook.body, publicKey]] as const) {
  await verify(text, hook.headers, keys).catch((error: Error) => without.push(error.name));
}

console.log(
  JSON.stringify({
    sent,
    repaired: body.platform,
    pages,
    event: event.type,
    forged,
    without,
    waited,
    refused,
  }),
);
