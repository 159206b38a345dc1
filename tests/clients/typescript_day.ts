/** A day of clients/typescript: what a program does with it, typed to the last field. Prints what it saw. */

import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";

import {
  BadRequest,
  Client,
  Conflict,
  InvalidSignature,
  isTyped,
  type types,
  verify,
} from "./client/index.js";

const EMAIL = "user@example.com";
const client = new Client({
  url: process.env["GATEWAY"] ?? "",
  key: process.env["KEY"] ?? "",
  retries: { waitMs: 10 },
});

// Its answer is lost on the way: the client sends it again, and it is paid once.
await client.topups.send({ platform: "claude", amount_cents: 1000, recipient_email: EMAIL, reference: "ts" });
let sent = 0;
for await (const one of client.topups.history({ reference: "ts" })) {
  const cents: number = one.amount_cents;
  sent += cents / 1000;
}

/** What a program does that knows no more than the error says. */
async function repaired(body: types.SendBody): Promise<types.SendBody> {
  try {
    await client.topups.send(body);
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
await client.topups.send(body, { idempotencyKey: "ts-second" });
let refused = "";
try {
  await client.topups.send({ ...body, amount_cents: 1300 }, { idempotencyKey: "ts-second" });
} catch (error) {
  if (error instanceof Conflict) refused = error.nextAction;
}

let pages = 0;
for await (const one of client.events.list({ limit: 1 })) {
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
const { data: endpoint } = await client.webhooks.register({
  url: `http://127.0.0.1:${port}/hook`,
  events: ["topup.delivered"],
});

const waiting = await client.topups.send({
  platform: "claude",
  amount_cents: 700,
  recipient_email: "pending@sandbox.test",
});
const transactionId = waiting.transaction_id ?? "";
const ended = client.wait(waiting);
await client.sandbox.settleTopup(transactionId, { outcome: "delivered" });
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
