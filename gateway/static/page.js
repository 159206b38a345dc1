// What every page gains from a script; without one it works all the same.
"use strict";

const moment = { month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit" };
const inZone = new Intl.DateTimeFormat(undefined, moment);
const ofOtherYear = new Intl.DateTimeFormat(undefined, { ...moment, year: "numeric" });
const thisYear = new Date().getFullYear();

// Times stand in UTC; shown are they in the reader's own zone, UTC stays in the title.
function showTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    time.textContent = (at.getFullYear() === thisYear ? inZone : ofOtherYear).format(at);
  }
}

function addCopyButtons(root) {
  if (!navigator.clipboard) return;
  for (const holder of root.querySelectorAll("[data-copy]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "small";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(holder.dataset.copy).textContent.trim());
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 2000);
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
addCopyButtons(document);
addFileFields(document);
