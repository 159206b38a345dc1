// A form that came to nothing, since the session had ended, a password was due or it was too long, is filled
// again on its page. This tab alone keeps what was typed, for its person, for fifteen minutes at most, and only of
// forms with data-kept, never a password or a header.
// docs/decisions/0031 says why the browser does it.
"use strict";

(() => {
  const PLACE = "topup_form", SIGN_OUT = "/dashboard/sign-out", KEPT_MS = 15 * 60 * 1000, CHARACTERS_MAX = 256 * 1024;
  const NOT_TYPED = new Set(["csrf_token", "environment", "once", "quote_id", "password", "headers"]);
  // whose: the person and the account of a page of the dashboard; world: the environment that it shows; unsent: this
  // page says that nothing was done.
  const { whose, world, unsent } = document.currentScript.dataset;

  function kept() {
    try {
      const found = JSON.parse(sessionStorage.getItem(PLACE));
      return found && Date.now() - found.at < KEPT_MS ? found : null;
    } catch {
      return null;
    }
  }

  function keep(value) {
    try {
      sessionStorage.removeItem(PLACE);
      const text = value && JSON.stringify(value);
      if (text && text.length <= CHARACTERS_MAX) sessionStorage.setItem(PLACE, text);
    } catch {
      // A browser without room, or whose person allows none: the form is typed again.
    }
  }

  function typedIn(form) {
    const isTyped = ([name, value]) => typeof value === "string" && !NOT_TYPED.has(name);
    const isSecret = ([name]) => form.elements[name]?.type === "password";
    return [...new FormData(form)].filter((pair) => isTyped(pair) && !isSecret(pair));
  }

  function fill(form, fields) {
    const typed = new Map();
    for (const [name, value] of fields) typed.set(name, [...(typed.get(name) ?? []), value]);
    for (const field of form.elements) {
      if (!field.name || ["hidden", "password", "file", "submit", "button"].includes(field.type)) continue;
      const values = typed.get(field.name) ?? [];
      if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
      else if (values.length > 0) field.value = values[0];
      if (values[0]) field.closest("details")?.setAttribute("open", "");
    }
  }

  const found = kept();
  if (unsent !== undefined) {
    keep(found && { ...found, isUnsent: true });
  } else if (whose !== undefined) {
    const form = [...document.querySelectorAll("form[data-kept]")].find((one) => one.getAttribute("action") === found?.action);
    const isOf = found?.isUnsent && found.whose === whose;
    // A new session begins in staging: what was meant for live is filled in there alone.
    const isHere = isOf && found.world === world;
    if (isHere && form) fill(form, found.fields);
    if (isOf && form) document.getElementById(isHere ? "form-again" : "form-elsewhere").hidden = false;
    if (!isOf || (isHere && form)) keep(null);
  }

  document.addEventListener("submit", ({ target, defaultPrevented }) => {
    if (defaultPrevented) return;
    if (target.getAttribute("action") === SIGN_OUT) keep(null);
    if (whose !== undefined && "kept" in target.dataset) {
      keep({ action: target.getAttribute("action"), fields: typedIn(target), whose, world, at: Date.now() });
    }
  });
})();
