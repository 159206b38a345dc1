/** A payment by the x402 package's own client, shown twice. Prints what was bought. */

import { x402Client } from "@x402/core/client";
import { ExactEvmScheme } from "@x402/evm/exact/client";
import { generatePrivateKey, privateKeyToAccount } from "viem/accounts";

import { ApiError, Client, sign } from "./client/index.js";

const account = privateKeyToAccount(generatePrivateKey());
const payer = new x402Client().register("eip155:*", new ExactEvmScheme(account));
payer.setSpendControls({ maxAmountPerPayment: "$50" });
const client = new Client({ url: process.env["GATEWAY"] ?? "" });
const call = await sign(client, payer, {
  platform: "claude",
  amount_cents: 1000,
  recipient_email: "user@example.com",
  environment: "staging",
});
const bought = await client.run(call);
const again = await client.run(call);

// Without a payment it is refused, and the error says how to repair it.
let printed = "";
try {
  await client.run({ ...call, headers: {} });
} catch (error) {
  if (error instanceof ApiError) printed = error.message;
}
console.log(
  JSON.stringify({
    code: bought.code,
    isSame: again.data.voucher_code === bought.data.voucher_code && bought.data.voucher_code !== null,
    payer: bought.data.payment?.payer === account.address.toLowerCase(),
    printed: printed.split("\n").map((line) => line.split(":")[0]?.trim()),
  }),
);
