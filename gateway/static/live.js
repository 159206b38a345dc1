// The live tail of the delivery log: an event of the stream, or a row still under way, fetches the
// page's newest rows again.
"use strict";

const STREAM = "/api/public/v1/events/stream";
const UNDER_WAY_MS = 1500;
const SOON_MS = 250;
const shown = document.getElementById("live");
const toggle = document.getElementById("live-switch");
const says = document.getElementById("live-says");
// What it says, in the page's language.
const told = document.currentScript.dataset;
const dot = document.createElement("span");
dot.className = "live-dot";
let stream = null;
let timer = 0;
let isFetching = false;

function isUnderWay() {
  return [...shown.querySelectorAll(".chip.wait")].length > 0;
}

async function refresh() {
  clearTimeout(timer);
  if (!stream) return;
  // What is on its way may have been read before what this was called for.
  if (isFetching) return soon();
  isFetching = true;
  try {
    const answer = await fetch(location.href, { credentials: "same-origin" });
    if (!answer.ok || answer.redirected) return stop();
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("live");
    if (fresh && fresh.innerHTML !== shown.dataset.seen) {
      shown.dataset.seen = fresh.innerHTML;
      const chosen = [...shown.querySelectorAll("input:checked")].map((box) => box.value);
      shown.replaceChildren(...fresh.childNodes);
      for (const box of shown.querySelectorAll("input")) box.checked = chosen.includes(box.value);
      showTimes(shown);
      addIdButtons(shown);
    }
  } finally {
    isFetching = false;
  }
  if (stream && isUnderWay()) timer = setTimeout(refresh, UNDER_WAY_MS);
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(refresh, SOON_MS);
}

function start() {
  stream = new EventSource(STREAM);
  // The stream tells of what comes after its beginning; what came before is on the page from then on.
  stream.addEventListener("open", refresh);
  for (const type of toggle.dataset.types.split(" ")) stream.addEventListener(type, soon);
  toggle.setAttribute("aria-pressed", "true");
  toggle.prepend(dot);
  says.textContent = told.sayFollows;
}

function stop() {
  stream?.close();
  stream = null;
  clearTimeout(timer);
  toggle.setAttribute("aria-pressed", "false");
  dot.remove();
  says.textContent = told.sayStill;
}

if (shown.dataset.newest === "yes") {
  toggle.hidden = false;
  toggle.addEventListener("click", () => (stream ? stop() : start()));
}
