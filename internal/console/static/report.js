// Helps whoever fills in the public form: shows how the addresses are understood, and does the small piece of work that keeps programs away.
// It asks this node and nobody else. The form works without it; then a person looks at it first.
"use strict";

// SHA-256 (FIPS 180-4) over short texts, since crypto.subtle is slow for many and is not there on plain HTTP.
const K = new Uint32Array(64);
{
  const prime = (n) => {
    for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
    return true;
  };
  for (let n = 2, i = 0; i < 64; n++) if (prime(n)) K[i++] = Math.floor((Math.cbrt(n) % 1) * 2 ** 32);
}
const START = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
const words = new Uint32Array(64);

function compress(state, bytes, at) {
  for (let i = 0; i < 16; i++, at += 4) words[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
  for (let i = 16; i < 64; i++) {
    const x = words[i - 15], y = words[i - 2];
    words[i] = (((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3)) + words[i - 7] + (((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10)) + words[i - 16];
  }
  let [a, b, c, d, e, f, g, h] = state;
  for (let i = 0; i < 64; i++) {
    const t = (h + (((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7))) + ((e & f) ^ (~e & g)) + K[i] + words[i]) | 0;
    const u = ((((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10))) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g, g = f, f = e, e = (d + t) | 0, d = c, c = b, b = a, a = (t + u) | 0;
  }
  return [(state[0] + a) | 0, (state[1] + b) | 0, (state[2] + c) | 0, (state[3] + d) | 0, (state[4] + e) | 0, (state[5] + f) | 0, (state[6] + g) | 0, (state[7] + h) | 0];
}

// solver gives a function that tries so many answers and gives the one that fits, or null. The blocks that never change are hashed once.
function solver(challenge) {
  const need = Number(challenge.split(".")[2]);
  const prefix = new TextEncoder().encode(challenge + ":");
  let fixed = START;
  const whole = prefix.length - (prefix.length % 64);
  for (let at = 0; at < whole; at += 64) fixed = compress(fixed, prefix, at);
  const rest = prefix.subarray(whole);
  let n = 0;
  return (tries) => {
    for (; tries > 0; tries--, n++) {
      const answer = String(n);
      const size = rest.length + answer.length;
      const block = new Uint8Array(size + 9 > 64 ? 128 : 64);
      block.set(rest);
      for (let i = 0; i < answer.length; i++) block[rest.length + i] = answer.charCodeAt(i);
      block[size] = 0x80;
      new DataView(block.buffer).setUint32(block.length - 4, (whole + size) * 8);
      let state = fixed;
      for (let at = 0; at < block.length; at += 64) state = compress(state, block, at);
      const zeros = state[0] === 0 ? 32 + Math.clz32(state[1]) : Math.clz32(state[0]);
      if (zeros >= need) return answer;
    }
    return null;
  };
}

const pause = () => new Promise((done) => setTimeout(done));

async function solve(challenge) {
  const tries = solver(challenge);
  for (;;) {
    const answer = tries(4000);
    if (answer !== null) return answer;
    await pause(); // the page stays awake
  }
}

const form = document.querySelector("form[data-report]");
if (form) {
  form.querySelector(".slow").hidden = true; // it says what happens without this script
  const solved = solve(form.elements.challenge.value);
  form.addEventListener("submit", async (event) => {
    if (form.elements.answer.value !== "") return;
    event.preventDefault();
    if (form.dataset.sending) return;
    form.dataset.sending = "1";
    form.querySelector(".working").hidden = false;
    form.elements.answer.value = await solved;
    form.submit();
  });

  const box = form.querySelector(".understood");
  const list = box.querySelector("ul");
  let asked = 0, timer;
  const show = async () => {
    const text = form.elements.addresses.value;
    const turn = ++asked;
    if (text.trim() === "") {
      box.hidden = true;
      return;
    }
    const response = await fetch("/report/preview", { method: "POST", headers: { "Content-Type": "text/plain; charset=utf-8" }, body: text, credentials: "omit" });
    if (!response.ok || turn !== asked) return;
    list.replaceChildren();
    for (const row of await response.json()) {
      const item = document.createElement("li");
      const address = document.createElement("span");
      address.className = "address";
      address.textContent = row.address ?? row.typed.replace(/^http/i, "hxxp");
      item.append(address, " – " + (row.address ? `${row.platform}, ${row.post ? form.dataset.post : form.dataset.account}` : form.dataset.unknown));
      list.append(item);
    }
    box.hidden = false;
  };
  form.elements.addresses.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => show().catch(() => {}), 500);
  });
  show().catch(() => {});
}
