// What a person sees in a browser: the console of the unit and of the others, over a demonstration that really runs.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, open, phone, signIn } from "./browser.js";
import * as demo from "./demo.js";

const story = "internal/story/testdata/small.yaml";

let browser, running, summary, dir;

before(async () => {
  demo.build();
  dir = demo.folder();
  summary = demo.once(story, dir);
  running = await demo.stay(story, dir);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await running?.stop();
  if (dir) demo.remove(dir);
});

// file is the address of something to take away: no page.
const file = /\/(table|pdf)(\?|$)/;

// paths are the pages that the navigation leads to, and those that their tables lead to, one of each kind.
async function paths(page, url) {
  const seen = new Map();
  const queue = ["/"];
  while (queue.length > 0) {
    const path = queue.shift();
    const kind = path.replace(/\d+/g, "N").replace(/\?.*/, "");
    if (seen.has(kind) || file.test(path)) continue;
    seen.set(kind, path);
    await open(page, url + path);
    for (const a of await page.locator("a[href^='/']").all()) queue.push((await a.getAttribute("href")).replace(/#.*/, ""));
  }
  return [...seen.values()];
}

test("every page of every console fits a phone, asks only its own node and breaks nothing", async (t) => {
  for (const entry of Object.values(running.consoles)) {
    await t.test(entry.name, async () => {
      const { context, page, requests } = await signIn(browser, entry, { viewport: phone });
      const wrong = [];
      page.on("pageerror", (e) => wrong.push(String(e)));
      page.on("console", (m) => m.type() === "error" && wrong.push(m.text()));
      const all = await paths(page, entry.url);
      assert.ok(all.length >= 4, `only ${all} were found`);
      for (const path of all) {
        const response = await open(page, entry.url + path);
        assert.equal(response.status(), 200, path);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
        assert.ok(over <= 0, `${path} is ${over} px wider than a phone`);
        assert.equal(await page.locator("img, video, audio, iframe, script:not([src^='/static/'])").count(), 0, `${path} shows media or runs a script of others`);
        assert.match(await page.locator(".demonstration").innerText(), /the clock stands at/, path);
      }
      assert.deepEqual(wrong, []);
      assert.deepEqual(requests.filter((r) => !r.startsWith(entry.url + "/")), [], "a page asks another host");
      await context.close();
    });
  }
});

test("the keyboard alone reaches the content, every page and the way out", async () => {
  const entry = running.consoles.unit;
  const { context, page } = await signIn(browser, entry);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "content");
  await page.goto(entry.url + "/");
  const reached = [];
  for (let i = 0; i < 40 && !reached.includes("Directory"); i++) {
    await page.keyboard.press("Tab");
    reached.push(await page.evaluate(() => document.activeElement.textContent.trim()));
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    assert.notEqual(outline, "none", `nothing shows that ${reached.at(-1)} is reached`);
  }
  for (const name of ["Sign out", "Story", "Tips", "Cases", "Documents", "Statistics", "Record", "Directory"]) assert.ok(reached.includes(name), `${name} is not among ${reached}`);
  await page.getByRole("button", { name: "Sign out" }).press("Enter");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto(entry.url + "/cases");
  assert.match(page.url(), /\/sign-in\?next=/);
  await context.close();
});

test("the order pages show as many blocked accounts as the story blocked", async () => {
  const entry = running.consoles.unit;
  const { context, page } = await signIn(browser, entry);
  await page.getByRole("link", { name: "Documents", exact: true }).click();
  await page.getByLabel("Kind").selectOption("takedown_order");
  await page.getByRole("button", { name: "Show" }).click();
  await page.waitForURL(/instrument=takedown_order/);
  const orders = await page.locator("tbody th a").evaluateAll((links) => links.map((a) => a.getAttribute("href")));
  assert.ok(orders.length > 0, "the unit's console lists no takedown order");
  let blocked = 0, gone = 0;
  for (const path of orders) {
    await open(page, entry.url + path);
    const count = async (name) => {
      const figure = page.locator(`[data-count="${name}"]`);
      return (await figure.count()) === 0 ? 0 : Number(await figure.innerText());
    };
    blocked += await count("blocked");
    gone += await count("verified_gone");
    if ((await count("items")) > 0 && (await page.locator("[data-hours-allowed]").count()) > 0) {
      assert.equal(Number(await page.locator("[data-hours-allowed]").innerText()), summary.takedown.hours_allowed);
    }
  }
  assert.ok(blocked > 0);
  assert.equal(blocked, summary.takedown.blocked);
  assert.equal(gone, summary.takedown.verified_gone);
  await page.goto(entry.url + "/statistics");
  assert.equal(Number(await page.locator('[data-figure="case.blocked"]').innerText()), summary.takedown.blocked);
  await context.close();
});
