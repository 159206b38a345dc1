// A running replay's page: the numbers are fetched again until it ends, then the page as a whole.
"use strict";

const EVERY_MS = 1000;

async function refresh() {
  const answer = await fetch(location.href, { credentials: "same-origin" });
  if (!answer.ok || answer.redirected) return;
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (!page.querySelector('script[src*="progress.js"]')) return location.reload();
  document.getElementById("live").replaceChildren(...page.getElementById("live").childNodes);
  showTimes(document.getElementById("live"));
  addIdButtons(document.getElementById("live"));
  setTimeout(refresh, EVERY_MS);
}

setTimeout(refresh, EVERY_MS);
