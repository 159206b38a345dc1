/** What the client repeats, and the key that it refuses: the error of each call, by its name. */

import { Client } from "./client/index.js";

const client = new Client({
  url: process.env["GATEWAY"] ?? "",
  retries: { triesMax: 3, waitMs: 1 },
});
const calls = {
  keyed: () => client.sandbox.fund({ amount_cents: 100 }),
  keyless: () => client.keys.createSandbox(),
  mistyped: async () => new Client({ url: "", key: "ak_live_first\nak_live_second" }),
};
const call = calls[process.env["KEY"] as keyof typeof calls];
console.log(await call().then(() => "answered", (error: Error) => `${error.name}: ${error.message}`));
