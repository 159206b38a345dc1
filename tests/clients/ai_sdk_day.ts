/** The AI SDK with its own provider, whose vendor is on loopback. Prints what the model says at the end. */

import { createAnthropic } from "@ai-sdk/anthropic";
import { Client } from "topup-gateway-client";

import { answer } from "./ai_sdk.js";

const client = new Client({ url: process.env["GATEWAY"] ?? "", key: process.env["KEY"] ?? "" });
const vendor = createAnthropic({ apiKey: "none", baseURL: `${process.env["VENDOR"]}/v1` });
console.log(await answer("Send Ana nine dollars for Claude.", client, vendor("scripted")));
