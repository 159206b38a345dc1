// The landing page's demonstration. It plays a recorded call by itself while it is in view, and at a
// press sends a real one. Whoever wants no motion sees the end at once.
import {
  clear, dollars, mark, markRefused, recorded, setText, showAnswer, showTyped, showWallet, showWebhook,
} from "./demo_scene.js";

const at = (id) => document.getElementById(id);
const playButton = at("play");
const runButton = at("run");
const isCalm = matchMedia("(prefers-reduced-motion: reduce)");
const RECORDED = recorded();

const TYPING_MS = 2000;
// When what follows the typing is seen, from the start: all of it ends within five seconds.
const SENT_MS = 2200;
const ANSWERED_MS = 2700;
const COUNTING_MS = 900;
const SIGNED_MS = 3500;
const END_MS = 4000;
// The most that one picture moves on: what passed while the page was hidden is not skipped.
const STEP_MS = 50;
// It plays while so much of it is in view.
const IN_VIEW = 0.4;

const PLATFORM = "claude";
const AMOUNT_CENTS = 1000;
const RECIPIENT = "user@example.com";
const CODE_RATE_LIMITED = 4001;

let playedMs = END_MS;
let isPlaying = false;
let isInView = false;
let picture = 0;

const says = (words) => setText("says", words);

function drawRecorded(ms) {
  if (ms < SENT_MS) {
    clear(RECORDED.from, "Recorded");
    showTyped(RECORDED.request, Math.min(1, ms / TYPING_MS));
    return;
  }
  showTyped(RECORDED.request, 1);
  mark(1, "wait");
  if (ms < ANSWERED_MS) return;
  showAnswer(RECORDED.response, RECORDED.status);
  showWallet(RECORDED.from, RECORDED.to, Math.min(1, (ms - ANSWERED_MS) / COUNTING_MS));
  mark(3, "wait");
  if (ms < SIGNED_MS) return;
  showWebhook(RECORDED.webhook, RECORDED.webhookStatus, RECORDED.note);
  if (ms >= END_MS) mark(4, "");
}

function offer() {
  playButton.hidden = isCalm.matches;
  playButton.textContent = isPlaying ? "Pause" : playedMs < END_MS ? "Go on" : "Play again";
  at("window").setAttribute("aria-busy", String(isPlaying));
}

function finishRecorded() {
  pauseRecorded();
  playedMs = END_MS;
  drawRecorded(END_MS);
  offer();
  const change = `${dollars(RECORDED.from)} → ${dollars(RECORDED.to)}`;
  says(`A recorded call, answered 1001: ${change}, and a signed webhook.${runButton ? " Run it for real to send one to this gateway." : ""}`);
}

// Moves on from picture to picture; waits while it is out of view, and ends with nobody playing.
function goOn(before) {
  cancelAnimationFrame(picture);
  if (!isPlaying || !isInView) return;
  picture = requestAnimationFrame((now) => {
    playedMs += Math.min(STEP_MS, Math.max(0, now - before));
    if (playedMs >= END_MS || isCalm.matches) {
      finishRecorded();
      return;
    }
    drawRecorded(playedMs);
    goOn(now);
  });
}

function playRecorded() {
  if (playedMs >= END_MS) {
    playedMs = 0;
    drawRecorded(0);
  }
  isPlaying = true;
  offer();
  goOn(performance.now());
}

function pauseRecorded() {
  isPlaying = false;
  cancelAnimationFrame(picture);
  offer();
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

function curlLine(gateway, body) {
  const indented = JSON.stringify(body, null, 2).replaceAll("\n", "\n  ");
  return [
    `curl -X POST ${location.origin}${gateway.prefix}/topup/send`,
    `-H "Authorization: Bearer ${gateway.key}"`,
    '-H "Content-Type: application/json"',
    `-d '${indented}'`,
  ].join(" \\\n  ");
}

async function showSigned(gateway, event, secret) {
  const headers = await gateway.sign(event, secret);
  const lines = Object.entries(headers ?? { "X-AiTopUp-Event": event.type });
  const words = `${lines.map(([name, value]) => `${name}: ${value}`).join("\n")}\n\n${event.data}`;
  if (!headers) {
    showWebhook(words, "arrived", "The event's own bytes. Signing them here needs https; a registered webhook is always signed.");
    return;
  }
  const isGenuine = await gateway.isGenuine(headers, event.data, secret);
  const note = `Signed here with ${secret}; POST /webhooks/verify found it ${isGenuine ? "genuine" : "wrong"}.`;
  showWebhook(words, isGenuine ? "arrived · verified" : "arrived · refused", note);
}

async function runReal(gateway, newSecret) {
  const body = { platform: PLATFORM, amount_cents: AMOUNT_CENTS, recipient_email: RECIPIENT };
  says("Making a staging key…");
  await gateway.needKey();
  const before = await gateway.walletCents(RECIPIENT, PLATFORM);
  const events = await gateway.events();
  try {
    clear(before, "For real, in staging");
    const line = curlLine(gateway, body);
    setText("paste", line);
    setText("paste-says", "With the key that this page just made, which ends within a day. Paste it into a terminal: the wallet above grows by another $10.00.");
    says("An agent types the request…");
    await over(TYPING_MS, (part) => showTyped(line, part));
    mark(1, "wait");
    const { answer, status, tookMs } = await gateway.call("POST", "/topup/send", body);
    showAnswer(JSON.stringify(answer, null, 2), `HTTP ${status} · ${tookMs} ms`);
    mark(3, "wait");
    const balance = answer.data.new_balance_cents;
    const [event] = await Promise.all([
      events.about(answer.transaction_id, "topup.delivered"),
      over(COUNTING_MS, (part) => showWallet(before, balance, part)),
    ]);
    await showSigned(gateway, event, newSecret());
    mark(4, "");
    says(`Done, for real: ${answer.transaction_id} is delivered, the wallet holds ${dollars(balance)}, the webhook came signed.`);
  } finally {
    events.close();
  }
}

function explain(error, hasKey) {
  if (error.code === undefined) throw error;
  if (error.code === CODE_RATE_LIMITED && !hasKey) {
    const minutes = Math.max(1, Math.ceil((error.retryAfterS ?? 60) / 60));
    says(`No key to run it with now: ${error.message}. The next one can be made in ${minutes} min; until then the recorded call plays.`);
  } else {
    says(`The demonstration stopped: ${error.message}${error.code ? ` (${error.code})` : ""}.`);
  }
}

async function run() {
  runButton.setAttribute("aria-disabled", "true");
  if (playedMs < END_MS) finishRecorded();
  let gateway;
  try {
    const { Gateway, newSecret } = await import("./demo_calls.js");
    gateway = new Gateway(at("window").dataset.api);
    await runReal(gateway, newSecret);
    runButton.textContent = "Run it again";
  } catch (error) {
    markRefused();
    explain(error, Boolean(gateway?.key));
  } finally {
    runButton.removeAttribute("aria-disabled");
  }
}

function begin() {
  playButton.addEventListener("click", () => {
    if (runButton?.hasAttribute("aria-disabled")) return;
    if (isPlaying) pauseRecorded();
    else playRecorded();
  });
  if (runButton) {
    runButton.hidden = false;
    runButton.addEventListener("click", () => {
      if (!runButton.hasAttribute("aria-disabled")) run();
    });
  }
  if (isCalm.matches) finishRecorded();
  else playRecorded();
  new IntersectionObserver((seen) => {
    isInView = seen.at(-1).isIntersecting;
    goOn(performance.now());
  }, { threshold: IN_VIEW }).observe(at("window"));
}

begin();
