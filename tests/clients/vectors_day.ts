/** Reads webhooks as lines of JSON, [headers, body in hex, key], and prints the type of each event, or "refused". */

import { createInterface } from "node:readline";

import { InvalidSignature, verify } from "./client/index.js";

for await (const line of createInterface({ input: process.stdin })) {
  const [headers, body, key] = JSON.parse(line) as [Record<string, string>, string, string];
  try {
    console.log((await verify(Buffer.from(body, "hex"), headers, key)).type);
  } catch (error) {
    if (!(error instanceof InvalidSignature)) throw error;
    console.log("refused");
  }
}
