// What the landing page's demonstration asks of this gateway. Every answer is the gateway's own.

const KEPT = "topup_demonstration";
const WAIT_MS = 15000;
const CODES_OF_AN_ENDED_KEY = new Set([2001, 2008, 2010]);
const text = new TextEncoder();

// A refusal, or no answer at all: code 0.
export class Refused extends Error {
  constructor(code, detail, retryAfterS) {
    super(detail);
    this.code = code;
    this.retryAfterS = retryAfterS;
  }
}

export class Gateway {
  constructor(prefix) {
    this.prefix = prefix;
    this.key = kept();
  }

  // {answer, status, tookMs}; raises Refused.
  async call(method, path, body) {
    return this.ask(method, this.prefix + path, body);
  }

  async ask(method, address, body) {
    const headers = this.key ? { Authorization: `Bearer ${this.key}` } : {};
    if (body) headers["Content-Type"] = "application/json";
    const began = performance.now();
    let answer, response;
    try {
      response = await fetch(address, {
        method, headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store",
      });
      answer = await response.json();
    } catch {
      throw new Refused(0, "the gateway does not answer");
    }
    const tookMs = Math.max(1, Math.round(performance.now() - began));
    if (!answer.success) {
      const error = answer.data?.error ?? {};
      if (CODES_OF_AN_ENDED_KEY.has(answer.code)) this.forget();
      throw new Refused(answer.code, error.detail ?? answer.message, error.retry_after_s);
    }
    return { answer, status: response.status, tookMs };
  }

  // A key to run it with: this browser's, or a new one where it has none or the old one has ended.
  async needKey() {
    if (this.key) {
      try {
        await this.call("GET", "/topup/balance");
        return;
      } catch (error) {
        if (this.key) throw error;
      }
    }
    const { answer } = await this.ask("POST", "/demonstration/key");
    this.key = answer.data.key;
    keep(this.key);
  }

  forget() {
    this.key = "";
    keep("");
  }

  async walletCents(recipient, platform) {
    const query = new URLSearchParams({ recipient_email: recipient, platform });
    const { answer } = await this.call("GET", `/wallets?${query}`);
    return answer.data.items[0]?.balance_cents ?? 0;
  }

  // The events from now on; EventSource cannot send a key.
  async events() {
    const gone = new AbortController();
    const response = await fetch(`${this.prefix}/events/stream`, {
      headers: { Authorization: `Bearer ${this.key}` },
      credentials: "omit", cache: "no-store", signal: gone.signal,
    });
    if (!response.ok) throw new Refused(response.status, "the stream of events is refused");
    return new Events(response.body.getReader(), gone);
  }

  // The webhook's headers for this event, made as a worker makes them; null where the browser
  // has no cryptography, which is so on plain http away from this machine.
  async sign(event, secret) {
    if (!crypto.subtle) return null;
    const t = Math.floor(Date.now() / 1000);
    const bytes = Uint8Array.from(atob(secret.slice("whsec_".length)), (c) => c.charCodeAt(0));
    const stripe = await digest(text.encode(secret), `${t}.${event.data}`);
    const standard = await digest(bytes, `${event.id}.${t}.${event.data}`);
    const hex = [...stripe].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return {
      "X-AiTopUp-Event": event.type,
      "X-AiTopUp-Signature": `t=${t},v1=${hex}`,
      "webhook-id": event.id,
      "webhook-timestamp": String(t),
      "webhook-signature": `v1,${btoa(String.fromCharCode(...standard))}`,
    };
  }

  async isGenuine(headers, body, secret) {
    const { answer } = await this.call("POST", "/webhooks/verify", { headers, body, secret });
    return answer.data.valid;
  }
}

class Events {
  constructor(reader, gone) {
    this.reader = reader;
    this.gone = gone;
    this.rest = "";
    this.decoder = new TextDecoder();
  }

  // The event of this type about the top-up: {id, type, data}, data being the text that is signed.
  async about(transactionId, type) {
    const timer = setTimeout(() => this.gone.abort(), WAIT_MS);
    try {
      for (;;) {
        const { value, done } = await this.reader.read();
        if (done) throw new Refused(0, "the stream of events ended early");
        this.rest += this.decoder.decode(value, { stream: true });
        const frames = this.rest.split("\n\n");
        this.rest = frames.pop();
        for (const frame of frames) {
          const fields = Object.fromEntries(frame.split("\n").map(field));
          if (fields.event !== type) continue;
          const event = JSON.parse(fields.data);
          if (event.data.transaction_id !== transactionId) continue;
          return { id: event.id, type, data: fields.data };
        }
      }
    } catch (error) {
      if (error instanceof Refused) throw error;
      throw new Refused(0, "the event did not come over the stream");
    } finally {
      clearTimeout(timer);
    }
  }

  close() {
    this.gone.abort();
  }
}

export function newSecret() {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return `whsec_${btoa(String.fromCharCode(...bytes))}`;
}

function field(line) {
  const colon = line.indexOf(": ");
  return [line.slice(0, colon), line.slice(colon + 2)];
}

async function digest(key, message) {
  const kind = { name: "HMAC", hash: "SHA-256" };
  const made = await crypto.subtle.importKey("raw", key, kind, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", made, text.encode(message)));
}

// A browser that keeps nothing makes a key for each page.
function kept() {
  try {
    return localStorage.getItem(KEPT) ?? "";
  } catch {
    return "";
  }
}

function keep(key) {
  try {
    localStorage.setItem(KEPT, key);
  } catch {
    // Then it lives as long as the page.
  }
}
