/** Vercel AI SDK: npm install ai zod topup-gateway-client */

import { generateText, type LanguageModel, stepCountIs, tool } from "ai";
import { ApiError, Gateway } from "topup-gateway-client";
import { z } from "zod";

/** The gateway as tools. Give the agent's key a mandate: platforms, recipients, a limit. */
export function toolsOf(gateway: Gateway) {
  return {
    sendTopup: tool({
      description: "Sends prepaid AI credit to a person and spends the account's own.",
      inputSchema: z.object({
        platform: z.string().describe("What is topped up, such as claude."),
        amountCents: z.number().int().positive().describe("In US cents."),
        recipientEmail: z.email().describe("Whose wallet."),
        idempotencyKey: z
          .string()
          .describe("Any word for this one purchase; the same one when you repeat it."),
      }),
      execute: ({ platform, amountCents, recipientEmail, idempotencyKey }) =>
        told(
          gateway.send(
            { platform, amount_cents: amountCents, recipient_email: recipientEmail },
            { idempotencyKey },
          ),
        ),
    }),
    getTopup: tool({
      description: "Shows a top-up, and waits up to 20 seconds for one that is pending.",
      inputSchema: z.object({ transactionId: z.string() }),
      execute: ({ transactionId }) => told(gateway.status(transactionId, { waitS: 20 })),
    }),
  };
}

/** What the model says after it did what was asked for. */
export async function answer(prompt: string, gateway: Gateway, model: LanguageModel): Promise<string> {
  const { text } = await generateText({
    model,
    system: "Do what next_action of an error says; ask_human and stop end your work.",
    prompt,
    tools: toolsOf(gateway),
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
