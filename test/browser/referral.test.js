// Referrals in a browser: routing is set up and tried, a bureau refers two tips to a unit, the unit accepts one and returns one, and
// the bureau sees the answer.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, phone, purposes, signIn, wide } from "./browser.js";
import * as node from "./node.js";

const shots = process.env.SHOTS; // a folder for pictures of the pages; without it none are made

let browser, bureau, unit, desk, officer;

before(async () => {
  [bureau, unit] = await Promise.all([node.start({ agency: "bureau", desks: "bureau,hotline" }), node.start({ agency: "unit.capital", desks: "unit" })]);
  const enter = async (n, username, body) => {
    const admin = (await n.api("/session", { username: "asha", password: node.password })).body.token;
    const made = await n.api("/people", { username, name: "Name of " + username, password: node.password, ...body }, admin);
    assert.equal(made.status, 200, made.body.detail);
    return (await n.api("/session", { username, password: node.password })).body.token;
  };
  desk = await enter(bureau, "ravi", { roles: ["admin", "intake"] });
  officer = await enter(bureau, "ira", { roles: ["authoriser"], rank: "DIG", authorisation_ref: "ORD/1" });
  await enter(unit, "meera", { roles: ["intake", "investigator"] });
  const pin = async (n, other, instruments) => {
    const admin = (await n.api("/session", { username: "asha", password: node.password })).body.token;
    const made = await n.api("/peers", { url: other.url, fingerprint: other.fingerprint, instruments }, admin);
    assert.equal(made.status, 200, made.body.detail);
  };
  await pin(bureau, unit, ["referral_answer", "outcome_report"]);
  await pin(unit, bureau, ["referral"]);
  const filed = await bureau.api("/complaints", { reference: "R/1", complainant: "Commission", csv: "url,remarks\nhttps://chirp.example/@kite,a kite\nhttps://chirp.example/@river,a river\n" }, desk);
  assert.equal(filed.status, 200, filed.body.detail);
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await bureau?.stop();
  await unit?.stop();
});

async function shoot(page, name) {
  for (const size of [wide, phone]) {
    await page.setViewportSize(size);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    const wideOnes = over > 0 ? await page.evaluate(() => [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth).map((e) => e.outerHTML.slice(0, 100))) : [];
    assert.ok(over <= 0, `${name} is ${over} px wider than a screen of ${size.width}: ${wideOnes.slice(0, 6).join(" | ")}`);
    assert.equal(await page.locator("main img, video, audio, iframe, script").count(), 0, `${name} shows media or runs a script`);
    if (!shots) continue;
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}-${size.width}.png`), fullPage: true });
  }
  await page.setViewportSize(wide);
}

test("a bureau routes and refers two tips, a unit accepts one and returns one, and the bureau sees it", async () => {
  const { context, page } = await signIn(browser, { url: bureau.url, username: "ravi", password: node.password });
  await open(page, bureau.url + "/routing");
  await page.getByText("There is no route; nothing is proposed.").waitFor();
  const add = async (kind, pattern, agency) => {
    await page.getByLabel("Hint", { exact: true }).selectOption(kind);
    await page.getByLabel(/^Pattern/).fill(pattern);
    await page.getByLabel("Agency", { exact: true }).fill(agency);
    await page.getByRole("button", { name: "Add the route" }).click();
  };
  await add("region", "Delhi", "unit.capital");
  await page.getByRole("alert").filter({ hasText: "region by ISO 3166-2 such as IN-DL" }).waitFor();
  await add("platform", "chirp.example", "unit.capital");
  await page.getByRole("row").filter({ hasText: "chirp.example" }).filter({ hasText: "unit.capital" }).waitFor();
  await add("phone", "+9198", "unit.hills");
  await page.getByRole("row").filter({ hasText: "+9198" }).waitFor();
  await page.getByLabel("Hints, one a line").fill("platform:m.chirp.example\nphone:+919810012345");
  await page.getByRole("button", { name: "Try", exact: true }).click();
  const said = page.getByRole("status");
  await said.filter({ hasText: "The hints lead to different agencies" }).waitFor();
  assert.match(await said.innerText(), /to unit\.hills: phone number \+919810012345 begins with \+9198/);
  await shoot(page, "routing");

  await open(page, bureau.url + "/referrals");
  await page.getByRole("heading", { name: "unit.capital: 2 tips" }).waitFor();
  await shoot(page, "referrals-proposed");
  await page.getByRole("button", { name: "Draft the referral" }).click();
  await purposes(page);
  await page.locator(".lead").filter({ hasText: "waits for a signature" }).waitFor();
  const id = /\/referrals\/(\d+)/.exec(page.url())[1];
  const signed = await bureau.api(`/documents/${id}/authorisation`, { password: node.password }, officer);
  assert.equal(signed.status, 200, signed.body.detail);

  const there = await signIn(browser, { url: unit.url, username: "meera", password: node.password });
  const offered = there.page.getByRole("row").filter({ hasText: "from bureau" });
  for (let n = 0; n < 100 && (await offered.count()) === 0; n++) {
    await open(there.page, unit.url + "/referrals");
    await there.page.waitForTimeout(100);
  }
  await offered.filter({ hasText: "waits for our answer" }).getByRole("link").click();
  await purposes(there.page);
  await there.page.getByRole("heading", { level: 1, name: /^Referral BUREAU/ }).waitFor();
  await shoot(there.page, "referral-offered");
  const rows = there.page.locator("tbody tr");
  assert.equal(await rows.count(), 2);
  await there.page.getByLabel(/^Answer for T-/).nth(0).selectOption("accept");
  await there.page.getByLabel(/^Answer for T-/).nth(1).selectOption("return");
  await there.page.getByLabel(/^Why T-/).nth(1).selectOption("wrong_jurisdiction");
  await there.page.getByLabel(/^Note with/).nth(1).fill("it is in the hills");
  await there.page.getByRole("button", { name: "Send the answer" }).click();
  await there.page.getByRole("status").filter({ hasText: "on its way" }).waitFor();
  assert.match(await rows.nth(0).innerText(), /accepted/);
  assert.match(await rows.nth(1).innerText(), /returned/);
  await shoot(there.page, "referral-answered");

  const back = page.locator("#back + table tbody tr");
  for (let n = 0; n < 100 && (await back.count()) === 0; n++) {
    await open(page, bureau.url + "/referrals");
    await page.waitForTimeout(100);
  }
  assert.match(await back.innerText(), /unit\.capital\s+wrong jurisdiction it is in the hills/);
  await page.getByRole("row").filter({ hasText: "to unit.capital" }).filter({ hasText: "answered" }).waitFor();
  await shoot(page, "referrals-back");
  await back.getByRole("link").click();
  await purposes(page);
  await page.getByText("returned it before: wrong jurisdiction").waitFor();
  await page.getByText("Returned to bureau: wrong jurisdiction – “it is in the hills”").waitFor();
  await shoot(page, "tip-returned");

  const { token } = (await unit.api("/session", { username: "meera", password: node.password })).body;
  const theirs = await (await fetch(unit.url + "/api/v1/tips", { headers: { Authorization: "Bearer " + token, Purpose: "a test of referrals" } })).json();
  assert.deepEqual(theirs.map((t) => t.responsible).sort(), ["bureau", "unit.capital"]);
  await there.context.close();
  await context.close();
});
