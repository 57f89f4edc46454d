// The work with tips in a browser: a queue worked by keys alone, a break that is due, and a child in danger for whom a person may go on.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, phone, signIn, wide } from "./browser.js";
import * as node from "./node.js";

const shots = process.env.SHOTS; // a folder for pictures of the pages; without it none are made
const dir = mkdtempSync(join(tmpdir(), "raksha-clock-"));
const clock = join(dir, "clock");
let time = Date.UTC(2022, 8, 20, 5, 0); // 10:30 in the jurisdiction

function pass(minutes) {
  time += minutes * 60000;
  writeFileSync(clock + ".new", new Date(time).toISOString() + "\n");
  renameSync(clock + ".new", clock);
}

let browser, running, asha, ravi;

before(async () => {
  pass(0);
  running = await node.start("--clock", clock);
  asha = (await running.api("/session", { username: "asha", password: node.password })).body.token;
  for (const [username, name, role] of [["ravi", "Ravi Menon", "intake"], ["mina", "Mina Das", "supervisor"]]) {
    const made = await running.api("/people", { username, name, password: node.password, roles: [role] }, asha);
    assert.equal(made.status, 200, made.body.detail);
  }
  ravi = (await running.api("/session", { username: "ravi", password: node.password })).body.token;
  const limits = await running.api("/exposure/limits", { day_minutes: 300, day_items: 0, stretch_minutes: 20, break_minutes: 10, starts: 420, ends: 960 }, asha);
  assert.equal(limits.status, 200, limits.body.detail);
  const queue = await running.api("/queues", { name: "Complaints", place: 10, filter: { sources: ["complaint"] } }, asha);
  assert.equal(queue.status, 200, queue.body.detail);
  const names = "kite river basket lantern meadow pebble harbour willow copper saffron thimble marble".split(" ");
  const csv = "url,remarks\n" + names.map((n) => `https://chirp.example/@${n},seen\n`).join("");
  const complaint = await running.api("/complaints", { reference: "W/1", complainant: "Commission", csv }, ravi);
  assert.equal(complaint.status, 200, complaint.body.detail);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await running?.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function shoot(page, name) {
  for (const size of [wide, phone]) {
    await page.setViewportSize(size);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${name} is ${over} px wider than a screen of ${size.width}`);
    assert.equal(await page.locator("main img, video, audio, iframe").count(), 0, `${name} shows media`);
    if (!shots) continue;
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}-${size.width}.png`), fullPage: true });
  }
  await page.setViewportSize(wide);
}

test("ten tips are worked by keys alone, a break is kept, and a child in danger is an exception of one's own will", async () => {
  const { context, page, requests } = await signIn(browser, { url: running.url, username: "ravi", password: node.password });
  const wrong = [];
  page.on("pageerror", (e) => wrong.push(String(e)));
  page.on("console", (m) => m.type() === "error" && !m.text().includes("status of 4") && wrong.push(m.text()));
  await open(page, running.url + "/queues/1");
  await shoot(page, "queue");
  await page.goto(running.url + "/queues");
  await page.getByRole("row").filter({ hasText: "Complaints" }).filter({ hasText: "12" }).waitFor();
  await shoot(page, "queues");
  await page.goto(running.url + "/work");
  await page.getByText("You hold no tip.").waitFor();
  await shoot(page, "work-rest");

  const press = async (...keys) => {
    for (const key of keys) await page.keyboard.press(key);
  };
  const tip = page.getByRole("heading", { level: 1, name: /^Tip / });
  const said = (text) => page.getByRole("status").filter({ hasText: text }).waitFor();
  const take = async () => {
    await press("n");
    await tip.waitFor();
    pass(1);
    return tip.innerText();
  };
  const seen = new Set();
  for (let n = 1; n <= 10; n++) {
    const number = await take();
    if (n === 1) {
      await shoot(page, "work");
      await press("?");
      await page.getByText("decides what is chosen").waitFor();
      await press("?", "i");
      await press("Enter"); // it needs a reason: the server says so
      await page.getByRole("alert").filter({ hasText: "Say why the tip is informational" }).waitFor();
      await shoot(page, "work-problem");
      await press("a", "Enter");
      await said("Decided: to be acted on.");
    } else if (n === 2 || n === 3) {
      await press(n === 2 ? "i" : "s");
      await page.keyboard.type("seen before, an ask");
      await press("Enter");
      await said(n === 2 ? "for information" : "too little to act on");
    } else if (n === 4) {
      await press("h");
      await page.keyboard.type("needs a Hindi reader");
      await press("Enter");
      await said("back in its queue");
      assert.equal(await take(), number);
      await page.getByText("needs a Hindi reader").waitFor();
      await press("a", "Enter");
      await said("to be acted on");
    } else if (n === 5) {
      await press("o", "Tab");
      await page.keyboard.type("the kite is ours alone to know");
      await press("Tab", "Tab", "Enter");
      await said("Another person decides it too");
    } else {
      await press("q", "e", "Escape", "a", "Enter"); // the first question: "exact match"
      await said("to be acted on");
    }
    assert.ok(!seen.has(number), `${number} came twice`);
    seen.add(number);
    assert.equal(await page.locator("form[data-work=rest]").count(), 1);
  }
  assert.equal(seen.size, 10);
  const own = (await running.api("/exposure", undefined, ravi)).body;
  assert.ok(own.today.minutes >= 10 && own.today.items === 10, JSON.stringify(own));
  const decided = (await running.api("/decisions", undefined, ravi)).body;
  assert.equal(decided.length, 9); // one waits for a second opinion

  await take();
  pass(15);
  await press("a", "Enter"); // what was begun is finished
  await said("to be acted on");
  await page.getByRole("heading", { level: 1, name: "Time for a break" }).waitFor();
  assert.equal(await page.getByText("A child may be in danger").count(), 0);
  await shoot(page, "break");
  const waiting = (await running.api("/queues/1/tips", undefined, ravi, { Purpose: "what waits" })).body.tips;
  const last = waiting.find((t) => t.locator.includes("marble"));
  const refused = await running.api(`/tips/${last.id}/claim`, {}, ravi);
  assert.equal(refused.body.code, "exposure_break");
  const marked = await running.api(`/tips/${last.id}/danger`, { reason: "the child is with the person reported" }, ravi);
  assert.equal(marked.status, 200, marked.body.detail);

  await page.reload();
  await page.getByRole("heading", { name: "A child may be in danger" }).waitFor();
  await shoot(page, "break-danger");
  const box = page.getByLabel("It is my own decision to work on this tip now");
  for (let n = 0; n < 40 && !(await box.evaluate((e) => e === document.activeElement)); n++) await press("Tab");
  await press("Space", "Tab", "Enter");
  await tip.waitFor();
  assert.match(await page.locator(".lead").innerText(), /a child may be in danger/);
  await shoot(page, "work-danger");
  await press("a", "Enter");
  await page.getByRole("heading", { level: 1, name: "Time for a break" }).waitFor();
  pass(10);
  await page.reload();
  await page.getByText("You hold no tip.").waitFor();

  await page.goto(running.url + "/account");
  await page.getByRole("heading", { name: "What became of what you decided" }).waitFor();
  await page.getByText(/^Today \d+ minutes of 300 with this material/).waitFor();
  await page.getByText("Set closer limits for yourself").click();
  await page.getByLabel("Minutes in a day").fill("15");
  await shoot(page, "account-work");
  await page.getByRole("button", { name: "Keep my limits" }).click();
  await said("Nobody else is told");
  await page.goto(running.url + "/work");
  await page.getByText("It is enough for today.").waitFor();
  assert.deepEqual(wrong, []);
  assert.deepEqual(requests.filter((r) => !r.startsWith(running.url + "/")), [], "a page asks another host");
  await context.close();
});

test("a second opinion is given unseen and without any script, and queues are arranged", async () => {
  const { context, page } = await signIn(browser, { url: running.url, username: "mina", password: node.password }, { javaScriptEnabled: false });
  await open(page, running.url + "/work");
  await page.getByRole("button", { name: /^Take the next tip/ }).click();
  await page.getByText("A colleague asks for your opinion.").waitFor();
  assert.doesNotMatch(await page.content(), /ours alone to know/, "the first person's reason is shown before the second spoke");
  await page.getByRole("radio", { name: "Too little to act on" }).check();
  await page.locator("#reason").fill("a drawing of a river");
  await page.getByRole("button", { name: "Decide", exact: true }).click();
  await page.getByRole("status").filter({ hasText: "a supervisor decides" }).waitFor();

  await page.goto(running.url + "/queues/arrange");
  await page.getByText("fewer than three people").first().waitFor();
  assert.doesNotMatch(await page.locator("main").innerText(), /Ravi Menon.*limit/);
  const add = page.locator("details").filter({ hasText: "Add a queue" });
  await add.locator("summary").click();
  await add.getByLabel("Name", { exact: true }).fill("Hindi, enticement");
  await add.getByLabel("Languages, with commas").fill("hi, ur");
  await add.getByRole("checkbox", { name: "enticement of a child" }).check();
  await add.getByRole("checkbox", { name: "two people decide" }).check();
  await shoot(page, "arrange");
  await add.getByRole("button", { name: "Add the queue" }).click();
  await page.getByRole("status").filter({ hasText: "The queue is kept" }).waitFor();
  await page.goto(running.url + "/queues");
  await page.getByRole("row").filter({ hasText: "Hindi, enticement" }).filter({ hasText: "two people decide" }).filter({ hasText: "language hi or ur" }).waitFor();
  await context.close();
});
