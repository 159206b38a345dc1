// What the demonstration shows of one call: request, response, wallet, webhook and steps.

const at = (id) => document.getElementById(id);
const steps = [...at("steps").children];
const clearedIds = ["request", "response", "hook", "hook-note"];

export const dollars = (cents) => (cents / 100).toLocaleString("en-US", { style: "currency", currency: "USD" });

export function setText(id, words) {
  if (at(id).textContent !== words) at(id).textContent = words;
}

// Marks the texts and names of JSON; everything goes in as text.
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

// The steps before this one are done, this one is in the state; none is current where it is "".
export function mark(number, state) {
  steps.forEach((step, place) => {
    step.className = place < number ? "good" : place === number ? state : "";
    if (place === number && state === "wait") step.setAttribute("aria-current", "step");
    else step.removeAttribute("aria-current");
  });
}

export function markRefused() {
  const place = steps.findIndex((step) => step.className === "wait");
  if (place >= 0) mark(place, "bad");
}

// Before the call: the wallet as it is, and nothing sent.
export function clear(walletCents, mode) {
  setText("mode", mode);
  at("mode").classList.toggle("good", mode !== "Recorded");
  setText("wallet", dollars(walletCents));
  setText("wallet-change", "before the call");
  setText("response-status", "waiting…");
  setText("hook-status", "waiting…");
  setText("answered", "Server responds");
  for (const id of clearedIds) setText(id, "");
  mark(0, "wait");
}

// part: 0 to 1 of the words are typed.
export function showTyped(words, part) {
  const shown = at("request");
  setText("request", words.slice(0, Math.ceil(words.length * part)));
  shown.scrollTop = shown.scrollHeight;
}

export function showAnswer(words, status) {
  const { code, message } = JSON.parse(words);
  setText("answered", `Server responds ${code} ${message}`);
  setText("response-status", status);
  if (at("response").textContent === words) return;
  setText("response", words);
  colour(at("response"));
  at("response").scrollTop = 0;
}

// part: 0 to 1 of the way from one balance to the other.
export function showWallet(from, to, part) {
  const eased = 1 - (1 - part) ** 3;
  setText("wallet", dollars(Math.round(from + (to - from) * eased)));
  if (part >= 1) setText("wallet-change", `+${dollars(to - from)} on ${dollars(from)}`);
}

export function showWebhook(words, status, note) {
  setText("hook", words);
  setText("hook-status", status);
  if (typeof note === "string") setText("hook-note", note);
  else if (at("hook-note").childNodes.length === 0) at("hook-note").append(note.cloneNode(true));
  at("hook").scrollTop = 0;
}

// What stands in the page as it came: a call that was recorded.
export function recorded() {
  const response = at("response").textContent;
  const note = document.createDocumentFragment();
  note.append(...at("hook-note").cloneNode(true).childNodes);
  const { data } = JSON.parse(response);
  colour(at("response"));
  return {
    request: at("request").textContent,
    response,
    status: at("response-status").textContent,
    webhook: at("hook").textContent,
    webhookStatus: at("hook-status").textContent,
    note,
    from: data.new_balance_cents - data.amount_cents,
    to: data.new_balance_cents,
  };
}
