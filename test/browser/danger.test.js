// A child in danger, in a browser: a provider's report by the filing API raises the alarm; the banner stands on every page until a person
// takes it up; a duty is entered as done; priority and bundle are told and can be changed.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, open, phone, purposes, signIn, wide } from "./browser.js";
import * as node from "./node.js";

const shots = process.env.SHOTS; // a folder for pictures of the pages; without it none are made

const report = (more, handle = "kite_river") => `<report><incidentSummary><incidentType>Online Enticement of Children for Sexual Acts</incidentType>${more}
  <incidentDateTime>2022-09-20T10:00:00Z</incidentDateTime></incidentSummary><reporter><reportingPerson/></reporter>
  <personOrUserReported><personOrUserReportedPerson><phone>+919800000002</phone></personOrUserReportedPerson><espIdentifier>9001</espIdentifier>
  <screenName>${handle}</screenName><profileUrl>https://chirp.example/@${handle}</profileUrl></personOrUserReported></report>`;

let browser, running, entry, token, own, feed;

before(async () => {
  running = await node.start();
  token = (await running.api("/session", { username: "asha", password: node.password })).body.token;
  const made = await running.api("/people", { username: "bina", name: "Bina Das", password: node.password, roles: ["intake", "investigator"] }, token);
  assert.equal(made.status, 200, JSON.stringify(made.body));
  feed = (await running.api("/credentials", { kind: "reporter", name: "lantern" }, token)).body;
  entry = { url: running.url, username: "bina", password: node.password };
  own = (await running.api("/session", { username: "bina", password: node.password })).body.token;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await running?.stop();
});

// file sends a report as providers do.
async function file(xml) {
  const call = async (name, body, kind) => {
    const response = await fetch(`${running.url}/ispws/${name}`, {
      method: "POST", body, headers: { "Content-Type": kind, Authorization: "Basic " + Buffer.from(`${feed.username}:${feed.password}`).toString("base64") },
    });
    const text = await response.text();
    assert.match(text, /<responseCode>0</, text);
    return text;
  };
  const id = /<reportId>(\d+)</.exec(await call("submit", xml, "text/xml"))[1];
  await call("finish", new URLSearchParams({ id }).toString(), "application/x-www-form-urlencoded");
}

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

test("a child in danger is told on every page, taken up, and what the law asks is entered as done", async () => {
  await file(report(""));
  const { context, page } = await signIn(browser, entry);
  assert.equal(await page.getByRole("alert").count(), 0, "an alarm without danger");
  const call = await running.api("/on-call", { people: [{ username: "bina" }] }, token);
  assert.equal(call.status, 200, JSON.stringify(call.body));
  await file(report("<escalateToHighPriority>at once</escalateToHighPriority><reportAnnotations><sextortion/></reportAnnotations>"));

  const banner = page.getByRole("alert").filter({ hasText: "1 alert waits to be taken up" });
  for (const path of ["/", "/record", "/lists"]) {
    await open(page, running.url + path);
    await banner.waitFor();
  }
  await banner.getByRole("link").click();
  await page.getByRole("heading", { level: 1, name: "Alerts" }).waitFor();
  await page.getByText("Bina Das,").first().waitFor();
  await shoot(page, "alerts-open");
  await page.getByRole("button", { name: "I take it up" }).click();
  await page.getByText("No alert waits.").waitFor();
  assert.equal(await page.getByRole("alert").count(), 0, "the banner stays after the alert was taken up");
  await page.getByRole("row").filter({ hasText: "A-000001" }).filter({ hasText: "Taken up by Bina Das" }).waitFor();

  await page.getByRole("row").filter({ hasText: "A-000001" }).getByRole("link").click();
  await purposes(page);
  const danger = page.getByRole("region", { name: "A child is held to be in danger" });
  await danger.waitFor();
  const duty = danger.getByRole("row").filter({ hasText: "Child Welfare Committee" });
  await duty.filter({ hasText: "left" }).waitFor();
  await shoot(page, "tip-danger");
  await duty.getByText("Enter that it was done").click();
  await duty.getByLabel("Reference").fill("CWC/7");
  await duty.getByRole("button", { name: "Done" }).click();
  await duty.filter({ hasText: "CWC/7" }).filter({ hasText: "Bina Das" }).waitFor();
  const task = danger.getByRole("listitem").filter({ hasText: "Find out who the child is" });
  await task.getByText("Done").first().click();
  await task.getByLabel("What came of it").fill("known to the committee");
  await task.getByRole("button", { name: "Done" }).click();
  await task.filter({ hasText: "known to the committee" }).waitFor();
  await context.close();
});

test("a tip tells of its priority and its bundle, and both can be changed with a reason", async () => {
  const { context, page } = await signIn(browser, entry);
  await open(page, running.url + "/tips/1");
  const priority = page.getByRole("region", { name: /^Priority/ });
  await priority.locator("dt", { hasText: "Tells of enticement" }).locator("xpath=following-sibling::dd[1]").filter({ hasText: "+120" }).waitFor();
  await priority.getByText("Overrule").click();
  await priority.getByLabel("Priority, 0 to 1000").fill("999");
  await priority.getByLabel("Why").fill("a kite seen by the river");
  await priority.getByRole("button", { name: "Set" }).click();
  await page.getByRole("heading", { name: /^Priority 999/ }).waitFor();
  await priority.getByText("a kite seen by the river").waitFor();
  await shoot(page, "tip-priority");

  await page.getByRole("link", { name: "Bundle 1" }).click();
  await purposes(page);
  await page.getByRole("heading", { level: 1, name: "Bundle 1" }).waitFor();
  assert.equal(await page.locator("[data-figure=tips]").innerText(), "2");
  await shoot(page, "bundle");
  await open(page, running.url + "/tips/2");
  await page.getByText("Take this tip out").click();
  await page.getByLabel("Why it is of something else").fill("another river");
  await page.getByRole("button", { name: "Take out", exact: true }).click();
  await page.getByText("No other tip is of the same thing.").waitFor();
  await open(page, running.url + "/bundles/1");
  await page.getByRole("row").filter({ hasText: "another river" }).getByText("Take back").first().click();
  await page.getByRole("row").filter({ hasText: "another river" }).getByLabel("Why").fill("the same after all");
  await page.getByRole("row").filter({ hasText: "another river" }).getByRole("button", { name: "Take back" }).click();
  await page.getByText("The change was taken back.").waitFor();
  assert.equal(await page.locator("[data-figure=tips]").innerText(), "2");
  await shoot(page, "bundle-changed");
  await context.close();
});

test("priority rules are drafted, shadowed and tested, and their drafter cannot make them live", async () => {
  const { context, page } = await signIn(browser, entry);
  await page.getByRole("link", { name: "Priority", exact: true }).click();
  await page.getByRole("row").filter({ hasText: "Rules that come with Raksha" }).filter({ hasText: "live" }).waitFor();
  await page.getByLabel("Rules, as YAML").fill("name: Kites first\nbase: 10\nterms:\n  - {id: a, title: Kite, points: 5, when: {class: [kite]}}\n");
  await page.getByRole("button", { name: "Draft" }).click();
  await page.getByText('"kite" is no class').waitFor();
  await page.goBack();
  await page.getByLabel("Rules, as YAML").fill("name: Kites first\nbase: 10\nterms:\n  - {id: a, title: Every report, points: 500, when: {source: [cybertipline]}}\n");
  await page.getByRole("button", { name: "Draft" }).click();
  await page.getByRole("heading", { level: 1, name: /Kites first/ }).waitFor();
  await page.getByRole("button", { name: "Compute in the shadow" }).click();
  await page.getByText("in the shadow").first().waitFor();
  const decided = await running.api("/tips/decisions", { tip_ids: [1], state: "actionable" }, own);
  assert.equal(decided.status, 200, JSON.stringify(decided.body));
  await page.getByRole("button", { name: "Test on past decisions" }).click();
  await page.getByRole("heading", { name: "Test on past decisions" }).waitFor();
  await page.getByText("1 decided tip,").waitFor();
  await page.getByText("Another person must make it live.").waitFor();
  assert.equal(await page.getByRole("button", { name: "Make live" }).count(), 0);
  await shoot(page, "priority-version");
  await page.getByRole("link", { name: "Priority rules" }).click();
  await shoot(page, "priority-rules");
  await context.close();
});
