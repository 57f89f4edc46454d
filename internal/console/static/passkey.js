// Speaks with the device's passkeys (WebAuthn Level 3) for the pages that ask for one. It asks this node and nobody else.
"use strict";

async function ask(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body ?? {}),
    credentials: "same-origin",
  });
  const text = await response.text();
  const answer = text === "" ? {} : JSON.parse(text);
  if (!response.ok) throw Object.assign(new Error(answer.detail ?? "The node did not answer as expected."), { code: answer.code });
  return answer;
}

async function use(path) {
  const ceremony = await ask(path);
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(ceremony.options);
  const credential = await navigator.credentials.get({ publicKey });
  return { ceremony: ceremony.id, response: credential.toJSON() };
}

const acts = {
  "sign-in": async (part) => {
    await ask("/sign-in/passkey", await use("/sign-in/passkey/challenge"));
    location.assign(part.dataset.next || "/");
  },
  proof: async (part) => {
    await ask("/api/v1/session/proof", await use("/api/v1/session/proof/challenge"));
    location.assign(part.dataset.next || "/account?done=proved");
  },
  register: async (part) => {
    const ceremony = await ask("/api/v1/passkeys/challenge");
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(ceremony.options);
    const credential = await navigator.credentials.create({ publicKey });
    await ask("/api/v1/passkeys", { ceremony: ceremony.id, response: credential.toJSON(), name: part.querySelector("input").value });
    location.assign("/account?done=passkey");
  },
};

function words(error) {
  if (error.code === "step_up") return "Prove once more who you are, then try again.";
  if (error.name === "NotAllowedError") return "The device did not give its consent, or it took too long. Try again.";
  if (error.name === "InvalidStateError") return "This device has a passkey of yours already.";
  return error.message.charAt(0).toUpperCase() + error.message.slice(1).replace(/\.?$/, ".");
}

for (const part of document.querySelectorAll("[data-passkey]")) {
  const button = part.querySelector("button");
  const problem = part.querySelector(".problem");
  const show = (text) => {
    problem.textContent = text;
    problem.hidden = text === "";
  };
  if (!window.PublicKeyCredential?.parseRequestOptionsFromJSON) {
    show("This browser does not know passkeys, or is too old.");
    continue;
  }
  button.disabled = false;
  button.addEventListener("click", async () => {
    button.disabled = true;
    show("");
    try {
      await acts[part.dataset.passkey](part);
    } catch (error) {
      if (error.code === "step_up") {
        location.assign("/proof?next=" + encodeURIComponent(location.pathname));
        return;
      }
      show(words(error));
    } finally {
      button.disabled = false;
    }
  });
}
