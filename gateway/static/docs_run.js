// Samples of a reader who is signed in: with a staging key of theirs, and run from the page.
//
// The key is made by our API as the reader (the session's cookie), for staging alone, with little to spend and an hour to
// live. It is kept in this tab and nowhere in the page's HTML; calls go to our own API with it, as a program's would.
"use strict";

const API = "/api/public/v1";
const SCOPES = ["topup:send", "topup:read", "webhooks:read", "usage:read", "usage:write", "billing:read", "billing:write"];
const LIFE_MS = 3600000;
const CAP_CENTS = 10000;
const WATCH_MS = 8000;
const LOOK_MS = 400;
const KEPT = "topup_docs_key";
const KNOWN = "topup_docs_ids";
const PRINTED_ID = /\b([a-z]{2,4})_abc123\b/g;
const OWN_ID = /^([a-z]{2,4})_[0-9A-Za-z]{16}$/;

const make = (tag, properties = {}, ...children) => {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
};

// The key of this tab

function ownKey() {
  const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  return kept !== null && Date.parse(kept.expires_at) > Date.now() ? kept : null;
}

async function ask(method, path, { key, body, once } = {}) {
  const headers = {};
  if (key) headers.Authorization = `Bearer ${key}`;
  if (once) headers["Idempotency-Key"] = crypto.randomUUID?.() ?? `${Date.now()}-${Math.random()}`;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), credentials: key ? "omit" : "same-origin" });
  const text = await answer.text();
  try {
    return { status: answer.status, body: JSON.parse(text) };
  } catch {
    return { status: answer.status, body: null, text };
  }
}

function refusal({ status, body }) {
  if (status === 401) {
    const next = encodeURIComponent(location.pathname);
    return make("span", {}, "Only for who is signed in: ", make("a", { href: `/sign-in?next=${next}`, textContent: "sign in" }), ", or ", make("a", { href: "/docs", textContent: "make a sandbox account by one call" }), ".");
  }
  if (body?.data?.error?.reason === "environment") {
    return make("span", { textContent: "Your dashboard shows live. Switch it to staging: no sample is ever run in live." });
  }
  return make("span", { textContent: body?.data?.error?.detail ?? `The gateway answered HTTP ${status}.` });
}

// A colleague's role may allow fewer scopes: then the key has these.
async function makeKey(scopes = SCOPES) {
  const answer = await ask("POST", `${API}/keys`, {
    once: true,
    body: {
      environment: "staging",
      name: "Documentation",
      purpose: "Made by the documentation for its samples; ends by itself within an hour",
      scopes,
      lifetime_cents: CAP_CENTS,
      expires_at: new Date(Date.now() + LIFE_MS).toISOString(),
    },
  });
  const missing = answer.body?.data?.error?.required_scopes ?? [];
  const fewer = scopes.filter((scope) => !missing.includes(scope));
  if (answer.status === 403 && fewer.length > 0 && fewer.length < scopes.length) return makeKey(fewer);
  if (answer.status !== 201) throw refusal(answer);
  const { id, key, expires_at } = answer.body.data;
  sessionStorage.setItem(KEPT, JSON.stringify({ id, key, expires_at }));
  return ownKey();
}

async function endKey() {
  const kept = ownKey();
  sessionStorage.removeItem(KEPT);
  sessionStorage.removeItem(KNOWN);
  if (kept) await ask("DELETE", `${API}/keys/self`, { key: kept.key });
}

// Whoever signed out, or in as somebody else, leaves no key behind in the tab.
async function endKeyOfAnother() {
  const kept = ownKey();
  if (kept && (await ask("GET", `${API}/keys/${kept.id}`)).status !== 200) await endKey();
}

// The key in the samples

const PLACES = [
  ["f\"Bearer {os.environ['KEY']}\"", (key) => `"Bearer ${key}"`],
  ["`Bearer ${process.env.KEY}`", (key) => `"Bearer ${key}"`],
  ['os.environ["KEY"]', (key) => `"${key}"`],
  ["process.env.KEY!", (key) => `"${key}"`],
  ["$KEY", (key) => key],
];

function rangeOf(root, from, to) {
  const range = document.createRange();
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  let passed = 0;
  let hasBegun = false;
  while (walker.nextNode()) {
    const { length } = walker.currentNode.data;
    if (!hasBegun && from < passed + length) {
      range.setStart(walker.currentNode, from - passed);
      hasBegun = true;
    }
    if (to <= passed + length) {
      range.setEnd(walker.currentNode, to - passed);
      return range;
    }
    passed += length;
  }
  return null;
}

function putIn(key) {
  for (const code of document.querySelectorAll("pre code")) {
    for (const [needle, written] of PLACES) {
      const at = code.textContent.indexOf(needle);
      if (at < 0) continue;
      const range = rangeOf(code, at, at + needle.length);
      range.deleteContents();
      range.insertNode(make("span", { className: "own", textContent: written(key) }));
    }
  }
}

// One run

function learn(body) {
  const known = JSON.parse(sessionStorage.getItem(KNOWN) ?? "{}");
  const look = (value, name) => {
    if (typeof value === "string") {
      const found = (name === "id" || name.endsWith("_id")) && OWN_ID.exec(value);
      if (found) known[found[1]] = value;
    } else if (value !== null && typeof value === "object") {
      for (const [inner, one] of Object.entries(value)) look(one, Array.isArray(value) ? name : inner);
    }
  };
  look(body, "");
  sessionStorage.setItem(KNOWN, JSON.stringify(known));
}

// Throws the printed id that stands for something which no answer of this tab had.
function withOwnIds(text) {
  const known = JSON.parse(sessionStorage.getItem(KNOWN) ?? "{}");
  return text.replace(PRINTED_ID, (printed, prefix) => {
    if (!(prefix in known)) throw make("span", { textContent: `${printed} stands for an id of yours: run a sample first whose answer has one (${prefix}_…).` });
    return known[prefix];
  });
}

const block = (text, label) => {
  const pre = make("pre", { tabIndex: 0, ariaLabel: label, role: "region" });
  pre.append(make("code", { textContent: text }));
  return pre;
};

async function run(call, place) {
  const said = make("p", { className: "small", textContent: "Running…" });
  said.setAttribute("role", "status");
  place.replaceChildren(said);
  try {
    const { method, path, body } = JSON.parse(withOwnIds(JSON.stringify(call)));
    const isNew = ownKey() === null;
    const { key } = ownKey() ?? await makeKey();
    if (isNew) show();
    const began = performance.now();
    const answer = await ask(method, path, { key, body: body ?? undefined, once: method !== "GET" });
    const tookMs = Math.round(performance.now() - began);
    const words = answer.body === null ? "" : ` · ${answer.body.code} ${answer.body.message}`;
    said.textContent = `HTTP ${answer.status}${words} · ${tookMs} ms`;
    place.append(block(answer.body === null ? answer.text.slice(0, 4000) : JSON.stringify(answer.body, null, 2), "Answer"));
    learn(answer.body);
    const id = answer.body?.transaction_id;
    if (id && method !== "GET") await watch(id, key, place);
  } catch (refused) {
    said.replaceChildren(refused instanceof Node ? refused : `No answer: ${refused.message}`);
  }
}

// The events of that transaction

async function watch(id, key, place) {
  const seen = new Set();
  const said = make("p", { className: "small", textContent: "Looking for its webhooks…" });
  said.setAttribute("role", "status");
  place.append(said);
  for (const until = Date.now() + WATCH_MS; Date.now() < until;) {
    const { body } = await ask("GET", `${API}/events?limit=20`, { key });
    const fresh = (body?.data?.items ?? []).filter((event) => event.data.transaction_id === id && !seen.has(event.id)).reverse();
    for (const event of fresh) {
      seen.add(event.id);
      place.append(block(await asSent(event), `Webhook ${event.type}`));
    }
    if (seen.size > 0) said.textContent = `As a webhook of yours is sent ${seen.size === 1 ? "it" : "them"}; signed here with a secret of this page, an endpoint has its own:`;
    if (seen.size > 0 && fresh.length === 0) return;
    await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  }
  if (seen.size === 0) said.textContent = "No event came within 8 seconds.";
}

const base64 = (bytes) => btoa(String.fromCharCode(...bytes));
const hex = (bytes) => [...bytes].map((one) => one.toString(16).padStart(2, "0")).join("");
const secretBytes = crypto.getRandomValues(new Uint8Array(24));
const secret = `whsec_${base64(secretBytes)}`;
const utf8 = (text) => new TextEncoder().encode(text);

async function hmac(key, text) {
  const imported = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", imported, utf8(text)));
}

async function asSent(event) {
  const body = JSON.stringify(event);
  const at = Math.floor(Date.now() / 1000);
  const lines = ["POST /your/endpoint", "Content-Type: application/json", `X-AiTopUp-Event: ${event.type}`, `webhook-id: ${event.id}`, `webhook-timestamp: ${at}`];
  // Without https a browser signs nothing.
  if (crypto.subtle) {
    lines.push(`X-AiTopUp-Signature: t=${at},v1=${hex(await hmac(utf8(secret), `${at}.${body}`))}`);
    lines.push(`webhook-signature: v1,${base64(await hmac(secretBytes, `${event.id}.${at}.${body}`))}`);
    lines.unshift(`# secret: ${secret}`);
  }
  return `${lines.join("\n")}\n\n${JSON.stringify(event, null, 2)}`;
}

// The page

const bar = make("div", { className: "docs-key" });

function show() {
  const kept = ownKey();
  if (kept === null) {
    const button = make("button", { type: "button", className: "small", textContent: "Put my staging key in" });
    const hint = make("span", { className: "small quiet", textContent: "Makes a key of your staging account for these samples: at most $100.00, for an hour, in this tab alone." });
    button.addEventListener("click", async () => {
      button.disabled = true;
      await makeKey().then(show, (refused) => hint.replaceChildren(refused));
      button.disabled = false;
    });
    bar.replaceChildren(button, hint);
    return;
  }
  putIn(kept.key);
  const until = new Date(kept.expires_at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const end = make("button", { type: "button", className: "small", textContent: "End it" });
  end.addEventListener("click", async () => {
    await endKey();
    location.reload();
  });
  const keys = make("a", { href: "/dashboard/keys", textContent: "Keys" });
  bar.replaceChildren(make("span", { className: "small" }, `These samples carry your staging key …${kept.key.slice(-4)} until ${until}; it is listed under `, keys, " as Documentation."), end);
}

for (const holder of document.querySelectorAll("[data-run]")) {
  const button = make("button", { type: "button", className: "small run", textContent: "Run" });
  const place = make("div", { className: "ran" });
  button.addEventListener("click", async () => {
    button.disabled = true;
    await run(JSON.parse(holder.dataset.run), place);
    button.disabled = false;
  });
  holder.append(make("div", { className: "buttons" }, button), place);
}
if (document.querySelector("[data-run]")) {
  document.querySelector("article h1").after(bar);
  endKeyOfAnother().then(show);
}
