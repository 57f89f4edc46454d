// Keys for the work with tips. A letter only chooses and moves the focus; Enter, on what has it, decides. It asks no server anything.
"use strict";

const part = (id) => document.getElementById(id);

function unfold(id) {
  const details = part(id);
  if (!details) return;
  details.open = true;
  const field = details.querySelector("select, input:not([type=hidden])");
  (field ?? details.querySelector("summary")).focus();
}

function choose(key) {
  const radio = document.querySelector(`#decide input[type=radio][data-key="${key}"]`);
  if (!radio) return;
  radio.checked = true;
  (radio.value === "actionable" ? part("go") : part("reason")).focus();
}

function next() {
  const rest = document.querySelector("form[data-work=rest]");
  if (rest) rest.requestSubmit();
}

const keys = {
  a: () => choose("a"),
  i: () => choose("i"),
  s: () => choose("s"),
  o: () => unfold("second"),
  h: () => unfold("back"),
  q: () => document.querySelector("#decide select, #decide [name^='answer.']")?.focus(),
  n: next,
  j: next,
  k: () => location.assign("/queues"),
  "?": () => {
    const help = part("keys");
    if (!help) return;
    help.open = !help.open;
    if (help.open) help.scrollIntoView({ block: "nearest" });
  },
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const writes = event.target.closest("input:not([type=radio]):not([type=checkbox]), select, textarea");
  if (event.key === "Escape") {
    document.activeElement?.blur();
    return;
  }
  if (writes || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  keys[event.key]();
});

// The time that is left of the claim counts down while the page stands.
for (const left of document.querySelectorAll("[data-minutes]")) {
  const minutes = Number(left.dataset.minutes);
  const begun = performance.now();
  setInterval(() => {
    const now = Math.max(0, minutes - Math.floor((performance.now() - begun) / 60000));
    left.textContent = now === 1 ? "1 minute" : `${now} minutes`;
  }, 15000);
}
