// Takes number and code of a scanned paper from behind the # of the address, which is not sent to the node, into the form,
// and out of the address, so that the history does not keep them. Nothing is asked before the person presses the button.
"use strict";

const given = new URLSearchParams(location.hash.slice(1));
for (const name of ["number", "code"]) {
  const field = document.getElementById(name);
  if (given.has(name)) field.value = given.get(name).slice(0, field.maxLength);
}
if (location.hash !== "") history.replaceState(null, "", location.pathname + location.search);

// Another language keeps what stands in the form.
document.querySelector("[data-language]").addEventListener("click", (event) => {
  const kept = new URLSearchParams();
  for (const name of ["number", "code"]) kept.set(name, document.getElementById(name).value);
  event.currentTarget.hash = kept.toString();
});
