// What every page gains from a script; without one it works all the same.
"use strict";

// A browser may be older than a zone's name.
function isKnown(timeZone) {
  try {
    return Boolean(new Intl.DateTimeFormat("en", { timeZone }));
  } catch {
    return false;
  }
}

const { dataset } = document.documentElement;
// What a button says, in the page's language.
const words = document.currentScript.dataset;
const ownZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
const isChosen = "zoneChosen" in dataset && isKnown(dataset.zone);
const moment = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", timeZone: isChosen ? dataset.zone : ownZone };
// An English page shows days as the browser's own language does; a page of another language as that one does.
const { lang } = document.documentElement;
const writing = lang === "en" ? undefined : `${lang}-u-nu-latn`;
const inZone = new Intl.DateTimeFormat(writing, moment);
const ofOtherYear = new Intl.DateTimeFormat(writing, { ...moment, year: "numeric" });
const thisYear = new Date().getFullYear();
const ago = new Intl.RelativeTimeFormat(writing ?? lang, { numeric: "auto", style: "short" });
const DAY_S = 86400;
// From so many seconds on a time is said in that unit.
const UNITS = [["hour", 3600], ["minute", 60], ["second", 5]];

// Where nobody chose a zone the next page knows the browser's: its filters read days in it.
if ("zone" in dataset && !("zoneChosen" in dataset) && dataset.zone !== ownZone && document.querySelector(".places")) {
  const kept = `topup_zone=~${ownZone.replaceAll("/", ":")}; path=/; max-age=31536000; samesite=lax`;
  document.cookie = location.protocol === "https:" ? `${kept}; secure` : kept;
}

function exactly(at) {
  return (at.getFullYear() === thisYear ? inZone : ofOtherYear).format(at);
}

function soLongAgo(at) {
  const seconds = Math.round((at - Date.now()) / 1000);
  const [unit, size] = UNITS.find(([, least]) => Math.abs(seconds) >= least) ?? ["second", Infinity];
  return ago.format(Math.trunc(seconds / size) + 0, unit);
}

// Of today's times how long ago they are, with the exact one in the title; on paper and in [data-exact] the exact one.
function showTimes(root, isOnPaper = false) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    const isOfToday = Math.abs(at - Date.now()) < DAY_S * 1000;
    const shown = isOfToday && !isOnPaper && !time.closest("[data-exact]") ? soLongAgo(at) : exactly(at);
    if (time.textContent !== shown) time.textContent = shown;
    time.dataset.utc ??= time.title;
    time.title = isChosen ? time.dataset.utc : `${exactly(at)} · ${time.dataset.utc.split(" · ").pop()}`;
  }
}

// Each id of a page can be copied; in a table the keyboard passes the buttons by, the thing's own page has one for it.
const ID = /^[a-z]{2,4}_[0-9A-Za-z]{16}$/;

function addIdButtons(root) {
  if (!navigator.clipboard) return;
  for (const code of root.querySelectorAll("code")) {
    const id = code.textContent.trim();
    const place = code.closest("a") ?? code;
    if (!ID.test(id) || code.closest(".found, pre, [data-copy]") || place.nextElementSibling?.matches(".copy")) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.title = words.sayCopyThis.replace("{id}", id);
    button.ariaLabel = button.title;
    if (code.closest("td")) button.tabIndex = -1;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(id);
      button.classList.add("done");
      setTimeout(() => button.classList.remove("done"), 2000);
    });
    const both = document.createElement("span");
    both.className = "nowrap";
    place.replaceWith(both);
    both.append(place, button);
  }
}

function addCopyButtons(root) {
  if (!navigator.clipboard) return;
  for (const holder of root.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = words.sayCopy;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(holder.dataset.copy).textContent.trim());
      button.textContent = words.sayCopied;
      setTimeout(() => { button.textContent = words.sayCopy; }, 2000);
    });
    holder.append(button);
  }
}

// A file's text goes into the text area, so that the form is the same with and without a script.
function addFileFields(root) {
  for (const holder of root.querySelectorAll("[data-file-into]")) {
    const input = holder.querySelector("input");
    holder.hidden = false;
    input.addEventListener("change", async () => {
      const file = input.files[0];
      if (file) document.getElementById(holder.dataset.fileInto).value = await file.text();
    });
  }
}

// A form that ends something asks once more.
document.addEventListener("submit", (event) => {
  const question = event.submitter?.dataset.ask;
  if (question && !window.confirm(question)) event.preventDefault();
});

showTimes(document);
setInterval(() => showTimes(document), 5000);
window.addEventListener("beforeprint", () => showTimes(document, true));
window.addEventListener("afterprint", () => showTimes(document));
addIdButtons(document);
addCopyButtons(document);
addFileFields(document);
