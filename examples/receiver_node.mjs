// A webhook receiver that uses only Node's own modules. Checks Standard Webhooks signatures (webhook-signature).
//
//   WEBHOOK_SECRET=whsec_… PORT=3000 node receiver_node.mjs

import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const SECRET = process.env.WEBHOOK_SECRET ?? "";
const TOLERANCE_S = 300;
const BODY_BYTES_MAX = 1 << 20;
if (!SECRET.startsWith("whsec_")) {
  console.error("set WEBHOOK_SECRET to the endpoint's whsec_…");
  process.exit(2);
}
const KEY = Buffer.from(SECRET.slice("whsec_".length), "base64");
// Deliveries come at least once, so remember the ID of each event that you handled. In production, store it in
// a unique column of your database, in the transaction that does the work.
const seen = new Set();

/** Return why the request isn't genuine, or null. `body` has the raw bytes, because they are what is signed. */
function problem(headers, body) {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!/^\d{1,12}$/.test(timestamp)) return "no timestamp";
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_S) return "too old";
  const expected = createHmac("sha256", KEY).update(`${id}.${timestamp}.`).update(body).digest();
  // During a secret's rotation there are two signatures. One valid signature is enough.
  for (const part of (headers["webhook-signature"] ?? "").split(" ")) {
    const [version, signature = ""] = part.split(",");
    const given = Buffer.from(signature, "base64");
    if (version === "v1" && given.length === expected.length && timingSafeEqual(given, expected)) {
      return null;
    }
  }
  return "no signature fits";
}

function handle(event) {
  console.log(event.type, event.id, JSON.stringify(event.data));
}

const server = createServer((request, response) => {
  const chunks = [];
  let size = 0;
  request.on("data", (chunk) => {
    size += chunk.length;
    if (size > BODY_BYTES_MAX) request.destroy();
    else chunks.push(chunk);
  });
  request.on("end", () => {
    const body = Buffer.concat(chunks);
    const wrong = problem(request.headers, body);
    if (wrong) {
      console.log("refused:", wrong);
      response.writeHead(400).end();
      return;
    }
    const event = JSON.parse(body);
    if (seen.has(event.id)) {
      console.log("again:", event.id);
    } else {
      handle(event);
      seen.add(event.id);
    }
    // Respond within 10 s, or the attempt counts as failed. Put slow work into a queue.
    response.writeHead(204).end();
  });
});

server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/hook`);
});
