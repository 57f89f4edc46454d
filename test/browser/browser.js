// Starts Debian's chromium with a profile of its own that asks the network for nothing by itself.
import { chromium } from "playwright-core";

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    args: [
      "--no-sandbox", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-quic",
      "--disable-default-apps", "--disable-extensions",
    ],
  });
}

export const wide = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };

// purposes answers the question for what restricted material is read, wherever the page stands before it.
export async function purposes(page) {
  const ask = page.getByRole("heading", { level: 1, name: "For what purpose?" });
  if ((await ask.count()) === 0) return;
  await page.getByLabel("Purpose").fill("a look at the pages");
  await page.getByRole("button", { name: "Go on" }).click();
  await ask.waitFor({ state: "detached" });
}

// open goes to a page of a signed-in person, and says for what purpose it is read when it is asked.
export async function open(page, address) {
  const response = await page.goto(address);
  if (!new URL(page.url()).pathname.startsWith("/purpose")) return response;
  await purposes(page);
  return page.goto(address);
}

// signIn opens a console as a person does: fills in the form and presses Enter. It gives the page and the addresses that it asked for.
export async function signIn(browser, entry, options = {}) {
  const context = await browser.newContext({ viewport: wide, ...options });
  const page = await context.newPage();
  const requests = [];
  page.on("request", (r) => requests.push(r.url()));
  await page.goto(entry.url + "/");
  await page.getByLabel("Username").fill(entry.username);
  await page.getByLabel("Password").fill(entry.password);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { level: 1, name: "Story" }).waitFor();
  return { context, page, requests };
}
