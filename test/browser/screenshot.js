// Makes the pictures in docs/screenshots from a demonstration: node test/browser/screenshot.js [STORY]
// It runs a demo of its own in a folder of its own; with CONSOLE_URL, CONSOLE_USER and CONSOLE_PASSWORD it takes a unit's console that runs already.
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { launch, open, phone, signIn, wide } from "./browser.js";
import * as demo from "./demo.js";

const out = resolve(import.meta.dirname, "../../docs/screenshots");
mkdirSync(out, { recursive: true });

const env = process.env;
let dir, running, entry;
if (env.CONSOLE_URL) {
  entry = { url: env.CONSOLE_URL, username: env.CONSOLE_USER, password: env.CONSOLE_PASSWORD };
} else {
  demo.build();
  dir = demo.folder();
  running = await demo.stay(process.argv[2], dir);
  entry = running.consoles.unit;
}

// first gives the first link of a page that leads to an object, or nothing.
async function first(page, path, pattern) {
  await open(page, entry.url + path);
  const links = await page.locator("main a").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
  return links.find((href) => pattern.test(href));
}

const browser = await launch();
for (const [size, viewport] of [["1440", wide], ["390", phone]]) {
  const { context, page } = await signIn(browser, entry, { viewport, colorScheme: "light" });
  const order = await first(page, "/documents?instrument=takedown_order&state=complied", /^\/documents\/\d+$/)
    ?? await first(page, "/documents?instrument=takedown_order", /^\/documents\/\d+$/);
  const caseFile = await first(page, "/cases", /^\/cases\/\d+$/);
  const shots = { story: "/", order, case: caseFile, clusters: caseFile && caseFile + "/clusters", statistics: "/statistics", record: "/record" };
  for (const [name, path] of Object.entries(shots)) {
    if (!path) continue;
    await open(page, entry.url + path);
    await page.screenshot({ path: join(out, `${name}-${size}.png`) });
  }
  await context.close();
}
await browser.close();
await running?.stop();
if (dir) demo.remove(dir);
