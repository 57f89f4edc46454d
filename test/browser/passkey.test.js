// The passkey ceremony in a real browser, with the virtual authenticator of its developer tools: register, sign in, prove.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launch, phone, wide } from "./browser.js";
import * as node from "./node.js";

const shots = process.env.SHOTS; // a folder for pictures of the pages; without it none are made

let browser, running;

before(async () => {
  running = await node.start();
  browser = await launch();
});

after(async () => {
  await browser?.close();
  await running?.stop();
});

async function shoot(page, name) {
  for (const size of [wide, phone]) {
    await page.setViewportSize(size);
    const over = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${name} is ${over} px wider than a screen of ${size.width}`);
    if (!shots) continue;
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}-${size.width}.png`), fullPage: true });
  }
  await page.setViewportSize(wide);
}

// device gives a page a passkey device that verifies its user, or, when told so, does not.
async function device(context, page) {
  const cdp = await context.newCDPSession(page);
  await cdp.send("WebAuthn.enable");
  const { authenticatorId } = await cdp.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  return {
    verifies: (isUserVerified) => cdp.send("WebAuthn.setUserVerified", { authenticatorId, isUserVerified }),
    credentials: async () => (await cdp.send("WebAuthn.getCredentials", { authenticatorId })).credentials,
  };
}

async function withPassword(page) {
  await page.goto(running.url + "/sign-in");
  await page.getByLabel("Username").fill("asha");
  await page.getByLabel("Password").fill(node.password);
  await page.getByRole("button", { name: "Sign in", exact: true }).click();
}

const session = (page) => page.evaluate(async () => (await fetch("/api/v1/session")).json());

test("a passkey is registered, signs in and proves, and a password alone no longer does", async () => {
  const context = await browser.newContext({ viewport: wide });
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (e) => wrong.push(String(e)));
  const asked = [];
  page.on("request", (r) => asked.push(r.url()));
  const key = await device(context, page);

  await page.goto(running.url + "/sign-in");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.locator("[data-passkey] .problem").filter({ hasText: "did not give its consent" }).waitFor(); // there is none yet
  await shoot(page, "sign-in");

  await withPassword(page);
  await page.getByRole("heading", { level: 1, name: "Story" }).waitFor();
  await page.getByRole("banner").getByRole("link", { name: "Asha Rao" }).click();
  await page.getByLabel("What do you call this device?").fill("Work laptop");
  await page.getByRole("button", { name: "Register a passkey" }).click();
  await page.getByText("The passkey is registered.").waitFor();
  assert.equal((await page.getByRole("row").filter({ hasText: "Work laptop" }).count()), 1);
  const [credential] = await key.credentials();
  assert.equal(credential.rpId, "localhost");
  assert.ok(credential.isResidentCredential);
  await shoot(page, "account");

  await page.getByRole("button", { name: "Register a passkey" }).click(); // the device has one
  await page.locator("[data-passkey=register] .problem").filter({ hasText: "has a passkey of yours already" }).waitFor();

  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in", exact: true }).waitFor();
  await withPassword(page);
  assert.match(await page.locator("#problem").innerText(), /sign in with your passkey/i);

  await page.goto(running.url + "/sign-in?next=/account");
  await page.getByRole("button", { name: "Sign in with a passkey" }).click();
  await page.waitForURL(running.url + "/account");
  assert.equal((await session(page)).session.method, "passkey");
  assert.equal((await key.credentials())[0].signCount > credential.signCount, true);

  const before = (await session(page)).session.proved_at;
  await page.goto(running.url + "/proof?next=/account");
  await page.getByRole("button", { name: "Use the passkey" }).waitFor();
  await shoot(page, "proof");
  await page.getByRole("button", { name: "Use the passkey" }).click();
  await page.waitForURL(running.url + "/account");
  assert.ok((await session(page)).session.proved_at > before, "the proof is not newer");

  await key.verifies(false); // somebody else holds the device
  await page.goto(running.url + "/proof?next=/account");
  await page.getByRole("button", { name: "Use the passkey" }).click();
  await page.locator("[data-passkey] .problem").filter({ hasText: "did not give its consent" }).waitFor();

  assert.deepEqual(wrong, []);
  assert.deepEqual(asked.filter((r) => !r.startsWith(running.url + "/")), [], "a page asks another host");
  await context.close();
});

test("pages keep every script but their own out, and most run none", async () => {
  const page = await browser.newPage();
  for (const [path, script] of [["/sign-in", true], ["/invitation", false]]) {
    const response = await page.goto(running.url + path);
    const csp = response.headers()["content-security-policy"];
    assert.equal(csp.includes("script-src 'self'"), script, path);
    assert.ok(!csp.includes("unsafe"), path);
    assert.equal(await page.evaluate(() => {
      const s = document.createElement("script");
      s.textContent = "window.kite = 1";
      document.body.append(s);
      return window.kite;
    }), undefined, `${path} runs a script that was put into it`);
  }
  await page.close();
});
