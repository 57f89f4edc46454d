// Hash lists in a browser: make one, fill it, ask it, switch a content off, and see what an exchange with another party brought.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { deflateSync } from "node:zlib";
import { launch, phone, signIn, wide } from "./browser.js";
import * as node from "./node.js";

const shots = process.env.SHOTS; // a folder for pictures of the pages; without it none are made

let browser, running, entry, token, other;

before(async () => {
  running = await node.start();
  entry = { url: running.url, username: "asha", password: node.password };
  token = (await running.api("/session", { username: "asha", password: node.password })).body.token;
  browser = await launch();
  other = createServer((request, response) => {
    response.statusCode = request.url === "/list.txt" ? 200 : 404;
    response.end(request.url === "/list.txt" ? "0cc175b9c0f1b6a831c399e269772661\nriver\n92eb5ffee6ae2fec3ad71c777531578f\n" : "");
  });
  await new Promise((done) => other.listen(0, "127.0.0.1", done));
});

after(async () => {
  await browser?.close();
  await running?.stop();
  other?.close();
});

async function shoot(page, name) {
  for (const size of [wide, phone]) {
    await page.setViewportSize(size);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${name} is ${over} px wider than a screen of ${size.width}`);
    assert.equal(await page.locator("main img, video, audio, iframe, script").count(), 0, `${name} shows media or runs a script`);
    if (!shots) continue;
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}-${size.width}.png`), fullPage: true });
  }
  await page.setViewportSize(wide);
}

// pattern draws waves as a grey PNG.
function pattern(size) {
  const rows = Buffer.alloc(size * (size + 1));
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) rows[y * (size + 1) + 1 + x] = 127 + 60 * Math.sin(x / 17 + y / 41) + 60 * Math.sin((x * y) / 2900 - y / 23);
  }
  const table = Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
    return n >>> 0;
  });
  const chunk = (kind, data) => {
    const body = Buffer.concat([Buffer.from(kind), data]);
    const out = Buffer.alloc(body.length + 8);
    out.writeUInt32BE(data.length, 0);
    body.copy(out, 4);
    out.writeUInt32BE((body.reduce((c, b) => table[(c ^ b) & 255] ^ (c >>> 8), 0xffffffff) ^ 0xffffffff) >>> 0, out.length - 4);
    return out;
  };
  const head = Buffer.alloc(13);
  head.writeUInt32BE(size, 0);
  head.writeUInt32BE(size, 4);
  head[8] = 8;
  return Buffer.concat([Buffer.from("\x89PNG\r\n\x1a\n", "latin1"), chunk("IHDR", head), chunk("IDAT", deflateSync(rows)), chunk("IEND", Buffer.alloc(0))]);
}

// hashOf gives the PDQ that the node makes of a picture.
async function hashOf(picture) {
  const form = new FormData();
  form.set("photo", new Blob([picture]), "pattern.png");
  const response = await fetch(running.url + "/h/hash", { method: "POST", headers: { Authorization: "Bearer " + token }, body: form });
  assert.equal(response.status, 200);
  return (await response.json()).pdq;
}

// away turns the last bits of a hash over: the result has that distance, up to 4.
const away = (hash, bits) => hash.slice(0, -1) + (parseInt(hash.at(-1), 16) ^ (2 ** bits - 1)).toString(16);

test("a list is made and filled, a hash and a file are found on it, and what is switched off is not", async () => {
  const picture = pattern(256);
  const hash = await hashOf(picture);
  assert.match(hash, /^[0-9a-f]{64}$/);
  const { context, page, requests } = await signIn(browser, entry);
  const wrong = [];
  page.on("pageerror", (e) => wrong.push(String(e)));

  await page.getByRole("link", { name: "Lists", exact: true }).click();
  await page.getByText("This node has no hash list.").waitFor();
  await page.getByLabel("Name", { exact: true }).fill("River");
  await page.getByLabel(/^Scheme of its labels/).fill("INHOPE");
  await page.getByRole("button", { name: "Create the list" }).click();
  await page.getByRole("heading", { level: 1, name: "River" }).waitFor();

  await page.getByLabel("Hashes, one a line").fill("d41d");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("alert").filter({ hasText: "Line 1: a pdq is 64 hexadecimal digits; nothing was added." }).waitFor();
  assert.equal(await page.getByLabel("Hashes, one a line").inputValue(), "d41d");
  await shoot(page, "list-problem");
  await page.getByLabel("Hashes, one a line").fill(`${away(hash, 3)}, kite\nd41d8cd98f00b204e9800998ecf8427e`);
  await page.getByLabel(/^Label of those without one/).fill("basket");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByRole("status").filter({ hasText: "The hashes are on the list" }).waitFor();
  assert.equal(await page.locator("[data-figure=entries]").innerText(), "2");
  await page.getByRole("row").filter({ hasText: "MD5" }).filter({ hasText: "basket" }).filter({ hasText: "matches" }).waitFor();
  await shoot(page, "list");

  await page.getByRole("link", { name: "Hash lists" }).click();
  await page.getByRole("row").filter({ hasText: "River" }).filter({ hasText: "INHOPE" }).filter({ hasText: "31 bits" }).waitFor();
  await shoot(page, "lists");
  await page.getByRole("link", { name: "Try a hash or a file" }).click();

  const tryHash = async () => {
    await page.getByLabel("Hash", { exact: true }).fill(hash.toUpperCase());
    await page.getByRole("button", { name: "Try the hash" }).click();
  };
  const tryFile = async () => {
    await page.getByLabel("Picture or film").setInputFiles({ name: "pattern.png", mimeType: "image/png", buffer: picture });
    await page.getByRole("button", { name: "Try the file" }).click();
  };
  await tryHash();
  await page.getByRole("heading", { name: "Found on 1 list" }).waitFor();
  const row = page.getByRole("row").filter({ hasText: "River" });
  assert.match(await row.innerText(), /looks alike: distance 3 of 256 bits/);
  assert.match(await row.innerText(), /INHOPE kite/);
  await shoot(page, "try-found");
  await page.goto(running.url + "/lists/try");
  await tryFile();
  await page.getByRole("heading", { name: "Found on 1 list" }).waitFor();
  assert.match(await row.innerText(), /looks alike: distance 3 of 256 bits/);
  assert.ok(!(await page.content()).includes("pattern.png"), "the page tells the file's name");
  assert.ok(!(await page.content()).includes(hash), "the page tells the file's hash");

  await row.getByRole("link").click();
  await page.getByRole("heading", { level: 1, name: /^Content \d+$/ }).waitFor();
  await page.getByRole("button", { name: "Switch off" }).click();
  await page.getByRole("status").filter({ hasText: "It is switched off" }).waitFor();
  await page.getByLabel("Note").fill("asked of its holder");
  await page.getByRole("button", { name: "Keep the note" }).click();
  await page.getByRole("row").filter({ hasText: "noted: asked of its holder" }).filter({ hasText: "Asha Rao" }).waitFor();
  assert.equal(await page.getByRole("row").filter({ hasText: /switched off|put on the list/ }).count(), 2);
  await shoot(page, "content");
  const content = page.url();

  await page.goto(running.url + "/lists/try");
  await tryHash();
  await page.getByRole("heading", { name: "Not found" }).waitFor();
  await shoot(page, "try-not-found");
  await tryFile();
  await page.getByRole("heading", { name: "Not found" }).waitFor();
  await page.getByLabel("Hash", { exact: true }).fill("river");
  await page.getByRole("button", { name: "Try the hash" }).click();
  await page.getByRole("alert").filter({ hasText: "A hash is 32 (MD5), 40 (SHA-1) or 64 (PDQ, SHA-256) hexadecimal digits." }).waitFor();

  const text = Buffer.from("no picture"); // the file itself can be on a list all the same
  const [{ id }] = (await (await fetch(running.url + "/api/v1/lists", { headers: { Authorization: "Bearer " + token } })).json());
  const added = await running.api(`/lists/${id}/entries`, { entries: [{ kind: "md5", value: createHash("md5").update(text).digest("hex"), label: "basket" }] }, token);
  assert.equal(added.status, 200, added.body.detail);
  await page.getByLabel("Picture or film").setInputFiles({ name: "notes.txt", mimeType: "text/plain", buffer: text });
  await page.getByRole("button", { name: "Try the file" }).click();
  await page.getByRole("heading", { name: "Found on 1 list" }).waitFor();
  assert.match(await row.innerText(), /the same file, by MD5/);
  await page.locator(".note").filter({ hasText: "It could not be read as a picture or film" }).waitFor();
  await shoot(page, "try-same-file");
  await running.api(`/lists/${id}/entries/removal`, { ids: added.body.ids }, token);

  await page.goto(content);
  await page.getByRole("button", { name: "Switch on" }).click();
  await page.getByLabel(/^Switch off until/).fill("2099-01-31T12:00");
  await page.getByRole("button", { name: "Switch off" }).click();
  await page.locator(".lead").filter({ hasText: "off until 31 Jan 2099, 12:00" }).waitFor();
  await page.getByText("Remove it from the list").click();
  await page.getByRole("button", { name: "Remove" }).click();
  await page.getByRole("status").filter({ hasText: "it matches no more" }).waitFor();
  assert.equal(await page.locator("[data-figure=entries]").innerText(), "1");
  await page.goto(content);
  await page.locator(".lead").filter({ hasText: "removed" }).waitFor();
  assert.deepEqual(wrong, []);
  assert.deepEqual(requests.filter((r) => !r.startsWith(entry.url + "/")), [], "a page asks another host");
  await context.close();
});

test("an exchange shows its state, its last error and what was set aside", async () => {
  const address = `http://127.0.0.1:${other.address().port}`;
  for (const [name, path] of [["PARTNER", "/list.txt"], ["SILENT", "/absent.txt"]]) {
    const made = await running.api("/exchanges", { name, kind: "file", holder: name.toLowerCase() + ".example", address: address + path }, token);
    assert.equal(made.status, 200, made.body.detail);
  }
  const { context, page } = await signIn(browser, entry);
  await page.goto(running.url + "/lists");
  await page.getByRole("link", { name: "Exchanges with other holders (2)" }).click();
  await page.getByRole("row").filter({ hasText: "PARTNER" }).filter({ hasText: "never fetched" }).waitFor();
  for (const name of ["PARTNER", "SILENT"]) {
    await page.goto(running.url + "/lists/exchanges");
    await page.getByRole("link", { name }).click();
    await page.getByRole("button", { name: "Fetch now" }).click();
    await page.waitForURL((url) => name === "SILENT" ? !url.search : url.search === "?done=fetched");
    if (name === "PARTNER") {
      await page.locator(".lead").filter({ hasText: "up to date" }).waitFor();
      await page.getByRole("row").filter({ hasText: "river" }).filter({ hasText: "not taken" }).waitFor();
    } else {
      await page.locator(".problem").filter({ hasText: "answers with status 404" }).waitFor();
    }
    await shoot(page, "exchange-" + name.toLowerCase());
  }
  await page.getByRole("button", { name: "Switch off" }).click();
  await page.getByRole("button", { name: "Switch on" }).waitFor();
  await page.goto(running.url + "/lists/exchanges");
  await page.getByRole("row").filter({ hasText: "SILENT" }).filter({ hasText: "failed" }).filter({ hasText: "404" }).waitFor();
  await shoot(page, "exchanges");
  await page.goto(running.url + "/lists");
  await page.getByRole("link", { name: "PARTNER" }).click();
  await page.getByRole("heading", { name: "Entries" }).waitFor();
  assert.equal(await page.getByRole("button", { name: "Add", exact: true }).count(), 0, "a received list is offered to be added to");
  await context.close();
});

test("without lists.manage no entry is shown, and without lists.probe no distance", async () => {
  await running.api("/roles", { name: "asker", permissions: ["lists.read", "lists.match"] }, token).then((r) => assert.equal(r.status, 200, r.body.detail));
  const made = await running.api("/people", { username: "ravi", name: "Ravi Menon", password: node.password, roles: ["asker"] }, token);
  assert.equal(made.status, 200, made.body.detail);
  const list = await running.api("/lists", { name: "Kite" }, token);
  const value = "f8f8f0cee0f4a84f06370a22038f63f0b36e2ed596621e1d33e6b39c4e9c9b22";
  const added = await running.api(`/lists/${list.body.id}/entries`, { entries: [{ kind: "pdq", value }, { kind: "pdq", value: away(value, 2) }] }, token);
  assert.equal(added.status, 200, added.body.detail);
  const { context, page } = await signIn(browser, { url: running.url, username: "ravi", password: node.password });
  await page.goto(`${running.url}/lists/${list.body.id}`);
  await page.getByText("What is on the list is shown to those who manage lists.").waitFor();
  assert.ok(!(await page.content()).includes(value));
  assert.equal(await page.getByRole("button", { name: "Change" }).count(), 0);
  assert.equal((await page.goto(`${running.url}/lists/${list.body.id}/contents/${added.body.ids[0]}`)).status(), 403);
  await page.goto(running.url + "/lists/try");
  await page.getByLabel("Hash", { exact: true }).fill(value);
  await page.getByRole("button", { name: "Try the hash" }).click();
  await page.getByRole("heading", { name: "Found on 1 list" }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1, "how many entries match is told");
  assert.doesNotMatch(await page.locator("main").innerText(), /distance|Content \d/);
  await context.close();
});
