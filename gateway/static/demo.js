// The landing page's demonstration: a real key, a real top-up, the event it causes. What is shown
// is what came; nothing runs before somebody asks for it.
import { Gateway, Refused, newSecret } from "./demo_calls.js";

const PLATFORM = "claude";
const AMOUNT_CENTS = 1000;
const RECIPIENT = "user@example.com";
const TYPING_MS = 1800;
const COUNTING_MS = 900;
const CODE_RATE_LIMITED = 4001;

const at = (id) => document.getElementById(id);
const gateway = new Gateway(at("window").dataset.api);
const address = location.origin;
const runButton = at("run");
const steps = [...at("steps").children];
const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
const says = (words) => { at("says").textContent = words; };
const dollars = (cents) => (cents / 100).toLocaleString("en-US", { style: "currency", currency: "USD" });
const body = { platform: PLATFORM, amount_cents: AMOUNT_CENTS, recipient_email: RECIPIENT };

function curlLine(key) {
  const indented = JSON.stringify(body, null, 2).replaceAll("\n", "\n  ");
  return [
    `curl -X POST ${address}${gateway.prefix}/topup/send`,
    `-H "Authorization: Bearer ${key}"`,
    '-H "Content-Type: application/json"',
    `-d '${indented}'`,
  ].join(" \\\n  ");
}

// Marks names, texts and numbers of JSON; everything goes in as text.
function colour(shown) {
  const words = shown.textContent.split(/("(?:[^"\\]|\\.)*")/);
  shown.replaceChildren(...words.map((word, place) => {
    if (place % 2 === 0) return word;
    const mark = document.createElement("span");
    mark.className = /^\s*:/.test(words[place + 1]) ? "name" : "value";
    mark.textContent = word;
    return mark;
  }));
}

function show(id, words) {
  at(id).textContent = words;
  if ("colour" in at(id).dataset) colour(at(id));
}

function mark(number, state) {
  steps.forEach((step, place) => {
    step.className = place < number ? "good" : place === number ? state : "";
    if (place === number && state === "wait") step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  });
}

// Calls draw with 0 to 1 over the time; at once with 1 for who wants no motion.
function over(ms, draw) {
  if (isCalm.matches) return Promise.resolve(draw(1));
  const began = performance.now();
  return new Promise((resolve) => {
    const step = (now) => {
      const part = Math.min(1, Math.max(0, (now - began) / ms));
      draw(part);
      if (part < 1) requestAnimationFrame(step);
      else resolve();
    };
    requestAnimationFrame(step);
  });
}

async function type(words) {
  const shown = at("request");
  await over(TYPING_MS, (part) => {
    shown.textContent = words.slice(0, Math.ceil(words.length * part));
    shown.scrollTop = shown.scrollHeight;
  });
  shown.scrollTop = 0;
}

async function countWallet(from, to) {
  await over(COUNTING_MS, (part) => {
    const eased = 1 - (1 - part) ** 3;
    at("wallet").textContent = dollars(Math.round(from + (to - from) * eased));
  });
  at("wallet-change").textContent = `+${dollars(to - from)} on ${dollars(from)}`;
}

function clear(walletCents) {
  at("mode").textContent = "For real, in staging";
  at("mode").className = "chip good";
  at("wallet").textContent = dollars(walletCents);
  at("wallet-change").textContent = "before the call";
  at("response-status").textContent = "waiting…";
  at("hook-status").textContent = "waiting…";
  steps[2].textContent = "Server responds";
  for (const id of ["request", "response", "hook", "hook-note"]) at(id).textContent = "";
}

async function showWebhook(event) {
  const secret = newSecret();
  const headers = await gateway.sign(event, secret);
  const lines = Object.entries(headers ?? { "X-AiTopUp-Event": event.type });
  show("hook", `${lines.map(([name, value]) => `${name}: ${value}`).join("\n")}\n\n${event.data}`);
  at("hook-status").textContent = "arrived";
  if (!headers) {
    at("hook-note").textContent = "The event's own bytes, over /events/stream. Signing needs https here; a registered webhook is always signed.";
    return;
  }
  const isGenuine = await gateway.isGenuine(headers, event.data, secret);
  at("hook-status").textContent = isGenuine ? "arrived · signature verified" : "arrived · signature refused";
  at("hook-note").textContent = `The event's own bytes, over /events/stream, signed with this page's secret ${secret} as an endpoint's would be; POST /webhooks/verify found it ${isGenuine ? "genuine" : "wrong"}.`;
}

function offerLine() {
  show("paste", curlLine(gateway.key));
  at("paste-says").textContent = "With the key that this page just made. Paste it into a terminal: the wallet above grows by another $10.00.";
}

async function play() {
  says("Making a sandbox key…");
  await gateway.needKey();
  const before = await gateway.walletCents(RECIPIENT, PLATFORM);
  const events = await gateway.events();
  try {
    clear(before);
    offerLine();
    at("demo").scrollIntoView({ behavior: isCalm.matches ? "auto" : "smooth" });
    mark(0, "wait");
    says("An agent types the request…");
    await type(curlLine(gateway.key));
    mark(1, "wait");
    const { answer, status, tookMs } = await gateway.call("POST", "/topup/send", body);
    mark(2, "wait");
    steps[2].textContent = `Server responds ${answer.code} ${answer.message}`;
    show("response", JSON.stringify(answer, null, 2));
    at("response-status").textContent = `HTTP ${status} · ${tookMs} ms`;
    mark(3, "wait");
    const [event] = await Promise.all([
      events.about(answer.transaction_id, "topup.delivered"),
      countWallet(before, answer.data.new_balance_cents),
    ]);
    await showWebhook(event);
    mark(4, "");
    says(`Done, for real: ${answer.transaction_id} is delivered, ${RECIPIENT} has ${dollars(answer.data.new_balance_cents)}, and the webhook is signed.`);
  } finally {
    events.close();
  }
}

function explain(error) {
  if (!(error instanceof Refused)) throw error;
  if (error.code === CODE_RATE_LIMITED && !gateway.key) {
    const minutes = Math.max(1, Math.ceil((error.retryAfterS ?? 60) / 60));
    says(`No new sandbox key now: ${error.message}. The next one can be made in ${minutes} min; until then the example stays as recorded.`);
  } else {
    says(`The demonstration stopped: ${error.message}${error.code ? ` (${error.code})` : ""}.`);
  }
}

async function run() {
  runButton.setAttribute("aria-disabled", "true");
  try {
    await play();
    runButton.textContent = "Run it again";
  } catch (error) {
    const place = steps.findIndex((step) => step.className === "wait");
    if (place >= 0) mark(place, "bad");
    explain(error);
  } finally {
    runButton.removeAttribute("aria-disabled");
  }
}

runButton.addEventListener("click", () => {
  if (!runButton.hasAttribute("aria-disabled")) run();
});
document.querySelectorAll("pre[data-colour]").forEach(colour);
says("Recorded below. Run it, and this page makes a sandbox key and sends a real top-up to this gateway.");
runButton.hidden = false;
