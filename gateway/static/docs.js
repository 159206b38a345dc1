// The language of samples that a reader chose: opened in every group, and kept for the next page.
"use strict";

const YEAR_S = 31536000;

function keep(language) {
  const secure = location.protocol === "https:" ? "; secure" : "";
  document.cookie = `topup_samples=${language}; path=/docs; max-age=${YEAR_S}; samesite=lax${secure}`;
}

// What is above the pressed one may grow or shrink: the page moves along, so that it stays under the pointer.
function openEverywhere(language, pressed) {
  const before = pressed.getBoundingClientRect().top;
  for (const one of document.querySelectorAll(`.samples > details[data-language="${language}"]`)) one.open = true;
  window.scrollBy(0, pressed.getBoundingClientRect().top - before);
}

for (const summary of document.querySelectorAll(".samples > details > summary")) {
  summary.addEventListener("click", (event) => {
    const { language } = summary.parentElement.dataset;
    event.preventDefault();
    keep(language);
    openEverywhere(language, summary);
  });
}

// The menu begins at the page that is open.
const place = document.querySelector(".places > nav [aria-current]");
if (place) place.closest(".places").scrollTop = place.offsetTop - 120;
