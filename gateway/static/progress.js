// A page of something under way: what it shows is fetched again until it has ended, then the page as a
// whole; so, too, once its state is another. While nothing changes it is asked less and less often.
"use strict";

const FIRST_MS = 1000;
const LONGEST_MS = 10000;
const shown = document.getElementById("live");
let wait = FIRST_MS;
let seen = null;

async function refresh() {
  if (document.hidden) return later();
  let answer;
  try {
    answer = await fetch(location.href, { credentials: "same-origin" });
  } catch {
    return later();
  }
  if (answer.redirected) return;
  if (!answer.ok) return later();
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("live");
  if (!page.querySelector('script[src*="progress.js"]') || fresh.dataset.state !== shown.dataset.state) return location.reload();
  const mark = fresh.dataset.mark ?? fresh.innerHTML;
  show(fresh);
  if (mark === seen) return later();
  seen = mark;
  wait = FIRST_MS;
  setTimeout(refresh, wait);
}

// Whoever goes through its links by keyboard stays where they are.
function show(fresh) {
  const at = shown.contains(document.activeElement) ? document.activeElement.getAttribute("href") : null;
  shown.replaceChildren(...fresh.childNodes);
  showTimes(shown);
  addIdButtons(shown);
  if (at) shown.querySelector(`a[href="${at}"]`)?.focus({ preventScroll: true });
}

function later() {
  wait = Math.min(wait * 1.5, LONGEST_MS);
  setTimeout(refresh, wait);
}

setTimeout(refresh, wait);
