// The search page as a dialog over any page: "/" or Ctrl-K (Cmd-K) opens it, arrows choose, Enter goes there.
// A list by keys: j and k walk its rows, Enter opens one, p or a press on a row shows it beside the list, ? names them.
"use strict";

const TYPING_MS = 150;
const opener = document.getElementById("find");
// What the dialog says, in the page's language.
const finder = document.currentScript.dataset;
let box = null;
let typing = 0;
let asked = 0;

function isWriting(target) {
  return target.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(target.tagName);
}

function element(name, properties) {
  return Object.assign(document.createElement(name), properties);
}

function makeDialog() {
  const dialog = element("dialog", { className: "finder-box", ariaLabel: finder.sayFind });
  const field = element("input", {
    type: "search", autocomplete: "off", spellcheck: false, maxLength: 320, ariaLabel: finder.sayFind,
    placeholder: finder.sayHint,
  });
  const found = element("div", { className: "found" });
  found.setAttribute("aria-live", "polite");
  dialog.append(field, found);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  field.addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => look(field.value), TYPING_MS);
  });
  dialog.addEventListener("keydown", (event) => choose(event));
  document.body.append(dialog);
  return { dialog, field, found };
}

// Only the newest question's answer is shown, whichever comes last.
async function look(text) {
  const mine = ++asked;
  const answer = await fetch(`${opener.pathname}?${new URLSearchParams({ q: text })}`, { credentials: "same-origin" });
  if (answer.redirected) return location.assign(opener.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== asked) return;
  const wrong = page.getElementById("q-says");
  const fresh = page.getElementById("found");
  box.found.replaceChildren(...(wrong ? [wrong] : []), ...(fresh ? fresh.childNodes : []));
  showTimes(box.found);
}

function choose(event) {
  const links = [...box.found.querySelectorAll("li a")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "ArrowDown" && at + 1 < links.length) links[at + 1].focus();
  else if (event.key === "ArrowUp" && at >= 0) (links[at - 1] ?? box.field).focus();
  else if (event.key === "Enter" && document.activeElement === box.field) go();
  else return;
  event.preventDefault();
}

// What was typed counts, also where its answer has not come yet.
async function go() {
  clearTimeout(typing);
  await look(box.field.value);
  box.found.querySelector("li a")?.click();
}

function openSearch() {
  box ??= makeDialog();
  if (!box.dialog.open) box.dialog.showModal();
  box.field.select();
  look(box.field.value);
}

if (opener && !document.querySelector("form.finder")) {
  opener.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    openSearch();
  });
}
document.addEventListener("keydown", (event) => {
  const isShortcut = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey;
  const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey && !isWriting(event.target);
  if (!opener || (!isShortcut && !isSlash)) return;
  event.preventDefault();
  const field = document.querySelector("form.finder input");
  if (field) field.select();
  else openSearch();
});

// A link to an act opens what holds its form.
document.querySelector("details:target")?.setAttribute("open", "");

// A row is opened by its first link.
const ROWS = "main table.lines tbody tr:has(a[href])";
const isWide = matchMedia("(min-width: 56rem)");
let beside = null;
let shownRow = null;
let shows = 0;

function linkOf(row) {
  return row.querySelector(".lead a[href]") ?? row.querySelector("a[href]");
}

// A file, or another site, is no page to show beside the list.
function pageOf(row) {
  const link = linkOf(row);
  return link.origin === location.origin && link.pathname.startsWith("/dashboard/") ? link : null;
}

function makeBeside() {
  const dialog = element("dialog", { className: "beside" });
  const head = element("div", { className: "buttons" });
  const link = element("a", { className: "button small", textContent: finder.sayPage });
  const close = element("button", { type: "button", className: "small plain", textContent: finder.sayClose });
  const content = element("div", { className: "stack" });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  dialog.addEventListener("close", () => linkOf(shownRow).focus());
  head.append(link, close);
  dialog.append(head, content);
  document.body.append(dialog);
  return { dialog, link, content };
}

// Two pages may have the same ids.
function renameIds(content) {
  for (const one of content.querySelectorAll("[id], [for], [form], [aria-describedby], [data-copy]")) {
    for (const name of ["id", "for", "form", "aria-describedby", "data-copy"]) {
      if (one.getAttribute(name)) one.setAttribute(name, `beside-${one.getAttribute(name)}`);
    }
  }
}

async function showBeside(row) {
  const mine = ++shows;
  const link = pageOf(row);
  if (!link) return;
  const answer = await fetch(link.href, { credentials: "same-origin" }).catch(() => null);
  const isPage = answer?.ok && !answer.redirected && answer.headers.get("content-type")?.startsWith("text/html");
  if (!isPage) return location.assign(link.href);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (mine !== shows) return;
  beside ??= makeBeside();
  const content = page.getElementById("content");
  for (const one of content.querySelectorAll("script, .crumbs, [hidden]")) one.remove();
  renameIds(content);
  shownRow = row;
  beside.link.href = link.href;
  beside.dialog.ariaLabel = link.textContent.trim();
  beside.content.replaceChildren(...content.childNodes);
  beside.dialog.scrollTop = 0;
  showTimes(beside.content);
  addIdButtons(beside.content);
  addCopyButtons(beside.content);
  if (!beside.dialog.open) beside.dialog.showModal();
}

function walk(step) {
  const rows = [...document.querySelectorAll(ROWS)];
  const isShown = beside?.dialog.open;
  const at = rows.indexOf(isShown ? shownRow : document.activeElement.closest("tr"));
  const row = rows[at === -1 ? 0 : at + step];
  if (!row) return;
  if (isShown) return showBeside(row);
  linkOf(row).focus();
  row.scrollIntoView({ block: "nearest" });
}

function showKeys() {
  const dialog = element("dialog", { className: "finder-box", ariaLabel: finder.sayKeys });
  const list = element("dl", { className: "facts" });
  const told = [["/", finder.sayFind], ["j k", finder.sayWalk], ["Enter", finder.sayOpen], ["p", finder.sayBeside], ["?", finder.sayKeys]];
  for (const [keys, words] of told) {
    const term = element("dt", {});
    term.append(...keys.split(" ").flatMap((key) => [element("kbd", { textContent: key }), " "]));
    list.append(term, element("dd", { textContent: words }));
  }
  const close = element("button", { type: "button", className: "small", textContent: finder.sayClose });
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  dialog.append(element("h2", { textContent: finder.sayKeys }), list, close);
  document.body.append(dialog);
  dialog.showModal();
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isWriting(event.target)) return;
  const open = document.querySelector("dialog[open]");
  if (open && open !== beside?.dialog) return;
  const row = document.activeElement.closest(ROWS);
  if (event.key === "j") walk(1);
  else if (event.key === "k") walk(-1);
  else if (event.key === "p" && row) showBeside(row);
  else if (event.key === "?") showKeys();
  else return;
  event.preventDefault();
});
document.addEventListener("click", (event) => {
  const row = event.target.closest(ROWS);
  if (!row || !isWide.matches || event.target.closest("a, button, input, label, summary, form") || String(getSelection())) return;
  showBeside(row);
});

// A long form: its buttons open a step at once, and the summary beside it follows what is typed. Without a script the
// server does both.
const SUMMARY_MS = 400;

function namesIn(step) {
  return [...step.querySelectorAll("[name]")].map((one) => one.name).join(" ");
}

function followSteps(form) {
  const steps = [...form.querySelectorAll(".stepper > details")];
  let waiting = null;
  let asks = 0;

  // The server says what the object will do; what it offers may depend on an earlier step.
  async function update() {
    clearTimeout(waiting);
    waiting = null;
    const mine = ++asks;
    const fields = new FormData(form);
    for (const secret of form.querySelectorAll("[type=password], [name=password]")) fields.delete(secret.name);
    fields.set("step", steps.length);
    const answer = await fetch(form.getAttribute("action"), { method: "POST", body: new URLSearchParams(fields) }).catch(() => null);
    if (!answer?.headers.get("content-type")?.startsWith("text/html")) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const summary = page.querySelector(".stepped .sums");
    if (!summary || mine !== asks) return;
    form.querySelector(".sums").replaceChildren(...summary.childNodes);
    for (const [at, fresh] of page.querySelectorAll(".stepper > details").entries()) {
      if (!steps[at].open && namesIn(fresh) !== namesIn(steps[at])) steps[at].lastElementChild.replaceWith(fresh.lastElementChild);
    }
  }

  function openStep(at) {
    steps[at].open = true;
    steps[at].querySelector("summary").focus();
    steps[at].scrollIntoView({ block: "nearest" });
  }

  form.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(update, SUMMARY_MS);
  });
  form.addEventListener("submit", async (event) => {
    const { submitter } = event;
    if (submitter?.name !== "step") return;
    event.preventDefault();
    const from = Math.max(0, steps.findIndex((one) => one.open));
    // Enter presses the form's first button.
    const to = submitter.tabIndex < 0 ? from + 1 : Number(submitter.value) - 1;
    if (to > from && [...steps[from].querySelectorAll(":invalid")].some((one) => !one.reportValidity())) return;
    if (waiting !== null) await update();
    if (to === steps.length) return form.querySelector(".summary .primary").focus();
    if (history.state?.step === undefined) history.replaceState({ step: from }, "");
    history.pushState({ step: to }, "");
    openStep(to);
  });
  window.addEventListener("popstate", ({ state }) => { if (steps[state?.step]) openStep(state.step); });
}

for (const form of document.querySelectorAll("form.stepped")) followSteps(form);
