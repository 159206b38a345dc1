// A form with data-passkey asks the browser for a passkey and sends its answer; without this script it is not shown.
"use strict";

function bytesOf(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
}

function textOf(buffer) {
  const plain = Array.from(new Uint8Array(buffer), (one) => String.fromCharCode(one)).join("");
  return btoa(plain).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function known(list = []) {
  return list.map((one) => ({ ...one, id: bytesOf(one.id) }));
}

async function made(options) {
  const { user } = options;
  const publicKey = { ...options, challenge: bytesOf(options.challenge), user: { ...user, id: bytesOf(user.id) }, excludeCredentials: known(options.excludeCredentials) };
  const found = await navigator.credentials.create({ publicKey });
  return { found, response: { attestationObject: textOf(found.response.attestationObject) } };
}

async function shown(options) {
  const publicKey = { ...options, challenge: bytesOf(options.challenge), allowCredentials: known(options.allowCredentials) };
  const found = await navigator.credentials.get({ publicKey });
  const { authenticatorData, signature } = found.response;
  return { found, response: { authenticatorData: textOf(authenticatorData), signature: textOf(signature) } };
}

async function ask(form) {
  const field = form.elements.passkey;
  const fault = form.querySelector("[data-passkey-fault]");
  const button = form.querySelector("button");
  button.disabled = true;
  fault.hidden = true;
  try {
    const options = JSON.parse(field.dataset.options);
    const { found, response } = await (form.dataset.passkey === "create" ? made(options) : shown(options));
    response.clientDataJSON = textOf(found.response.clientDataJSON);
    field.value = JSON.stringify({ id: found.id, rawId: textOf(found.rawId), type: found.type, response });
    form.submit();
  } catch (error) {
    // The page says it in its language, under the name of what the browser threw.
    fault.textContent = fault.dataset[`say${error.name}`] ?? fault.dataset.sayAnyError;
    fault.hidden = false;
    button.disabled = false;
  }
}

if (window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      ask(form);
    });
  }
}
