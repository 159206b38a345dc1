// A tool's call that mppx pays for by itself. URL and the tool's arguments come as arguments; prints the result.
import { McpClient } from "mppx/mcp/client";
import { stripe } from "mppx/stripe/client";

const [url, given] = process.argv.slice(2);

async function callTool(params) {
  const answer = await fetch(url, {
    method: "POST",
    headers: { Accept: "application/json, text/event-stream", "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }),
  });
  return (await answer.json()).result;
}

const client = McpClient.wrap(
  { callTool },
  { methods: [stripe.charge({ createToken: async () => "spt_0123456789", paymentMethod: "pm_card" })] },
);
const result = await client.callTool({ name: "send_topup", arguments: JSON.parse(given) });
console.log(JSON.stringify({ code: result.structuredContent.code, receipt: result.receipt }));
