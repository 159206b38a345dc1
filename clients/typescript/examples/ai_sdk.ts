/** Vercel AI SDK: npm install ai zod topup-gateway-client */

import { generateText, type LanguageModel, stepCountIs, tool } from "ai";
import { ApiError, type Client } from "topup-gateway-client";
import { z } from "zod";

/** The gateway as tools. Give the agent's key a mandate: platforms, recipients, a limit. */
export function toolsOf(client: Client) {
  return {
    sendTopup: tool({
      description: "Send prepaid AI credit to a person, and spend the account's own.",
      inputSchema: z.object({
        platform: z.string().describe("What is topped up, such as claude."),
        amountCents: z.number().int().positive().describe("In US cents: 1000 means $10.00."),
        recipientEmail: z.email().describe("Whose wallet."),
        idempotencyKey: z
          .string()
          .describe("Any word for this one purchase. Use the same one when you repeat it."),
      }),
      execute: ({ platform, amountCents, recipientEmail, idempotencyKey }) =>
        told(
          client.topups.send(
            { platform, amount_cents: amountCents, recipient_email: recipientEmail },
            { idempotencyKey },
          ),
        ),
    }),
    getTopup: tool({
      description: "Show a top-up, and wait up to 20 seconds for one that is pending.",
      inputSchema: z.object({ transactionId: z.string() }),
      execute: ({ transactionId }) => told(client.topups.status(transactionId, { wait_s: 20 })),
    }),
  };
}

/** What the model says after it did what was requested. */
export async function answer(prompt: string, client: Client, model: LanguageModel): Promise<string> {
  const { text } = await generateText({
    model,
    system: "Do what next_action of an error says; ask_human and stop end your work.",
    prompt,
    tools: toolsOf(client),
    stopWhen: stepCountIs(10),
  });
  return text;
}

/** A refusal is an answer for the model: it says what to do next. */
async function told(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof ApiError) return error.answer;
    throw error;
  }
}
