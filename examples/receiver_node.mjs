// A webhook receiver with nothing but node's own modules. Checks Standard Webhooks (webhook-signature).
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
// Deliveries come at least once: an event that was dealt with is remembered by its id. In earnest
// this is a unique column in your database, written in the transaction that does the work.
const seen = new Set();

/** Why the request is not genuine, or null. body is the raw bytes: they are what is signed. */
function problem(headers, body) {
  const id = headers["webhook-id"] ?? "";
  const timestamp = headers["webhook-timestamp"] ?? "";
  if (!/^\d{1,12}$/.test(timestamp)) return "no timestamp";
  if (Math.abs(Date.now() / 1000 - Number(timestamp)) > TOLERANCE_S) return "too old";
  const expected = createHmac("sha256", KEY).update(`${id}.${timestamp}.`).update(body).digest();
  // While a secret is being rotated there are two signatures; one that fits is enough.
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
    // Within 10 s, or it counts as failed: what takes long belongs in a queue of yours.
    response.writeHead(204).end();
  });
});

server.listen(Number(process.env.PORT ?? 3000), "127.0.0.1", () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}/hook`);
});
