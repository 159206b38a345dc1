// The search page as a dialog over any page: "/" or Ctrl-K (Cmd-K) opens it, arrows choose, Enter goes there.
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
