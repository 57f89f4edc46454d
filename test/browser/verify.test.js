// What anybody sees who holds a paper: the question whether it is genuine, at a desk and on a phone.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launch, phone, wide } from "./browser.js";
import { password, start } from "./node.js";

let browser, node;

before(async () => {
  node = await start();
  browser = await launch();
  const session = await node.api("/session", { username: "asha", password });
  const token = session.body.token;
  const fresh = await node.api("/session/proof", { password }, token);
  assert.equal(fresh.status, 200, JSON.stringify(fresh.body));
  const set = await node.api("/paper", { address: ["7 River Road"], public_check: true }, token);
  assert.equal(set.status, 200, JSON.stringify(set.body));
});

after(async () => {
  await browser?.close();
  await node?.stop();
});

for (const [name, viewport] of Object.entries({ wide, phone })) {
  test(`the page of ${name} takes what was scanned, keeps it out of the address, and answers`, async () => {
    const context = await browser.newContext({ viewport });
    const page = await context.newPage();
    const wrong = [], asked = [];
    page.on("pageerror", (e) => wrong.push(String(e)));
    page.on("console", (m) => m.type() === "error" && wrong.push(m.text()));
    page.on("request", (r) => asked.push(r.url()));
    await page.goto(node.url + "/verify#number=UNIT.CAPITAL%2FTO%2F2022%2F0007&code=7K3M-0QWE-X9TB");
    await page.waitForFunction(() => document.getElementById("code").value !== "");
    assert.equal(await page.getByLabel("Number").inputValue(), "UNIT.CAPITAL/TO/2022/0007");
    assert.equal(await page.getByLabel("Code").inputValue(), "7K3M-0QWE-X9TB");
    assert.equal(page.url(), node.url + "/verify");
    await page.getByRole("link", { name: "हिन्दी" }).click();
    await page.getByRole("heading", { name: "क्या यह काग़ज़ असली है?" }).waitFor();
    assert.equal(await page.getByLabel("क्रमांक").inputValue(), "UNIT.CAPITAL/TO/2022/0007");
    assert.equal(await page.locator("html").getAttribute("lang"), "hi");
    await page.getByRole("button", { name: "पूछें" }).click();
    await page.locator('[data-standing="unknown"]').waitFor();
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `the page is ${over} px too wide`);
    assert.deepEqual(wrong, []);
    assert.deepEqual(asked.filter((u) => !u.startsWith(node.url + "/") || u.includes("7K3M") || u.includes("0007")), [], "an address tells what stands on the paper");
    if (process.env.KEEP) await page.screenshot({ path: `${process.env.KEEP}/verify-${viewport.width}.png` });
    await context.close();
  });
}
