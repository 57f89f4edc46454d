// The public form and complaint files in a browser: report in Hindi, read how the report stands, import a workbook through its preview and correct a row.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { crc32, deflateRawSync } from "node:zlib";
import { launch, open, phone, purposes, signIn, wide } from "./browser.js";
import * as node from "./node.js";

const shots = process.env.SHOTS; // a folder for pictures of the pages; without it none are made

let browser, running, entry, token;

before(async () => {
  running = await node.start("--public-form");
  entry = { url: running.url, username: "ravi", password: node.password };
  const admin = (await running.api("/session", { username: "asha", password: node.password })).body.token;
  const made = await running.api("/people", { username: "ravi", name: "Ravi Menon", password: node.password, roles: ["intake"] }, admin);
  assert.equal(made.status, 200, made.body.detail);
  token = (await running.api("/session", { username: "ravi", password: node.password })).body.token;
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
    assert.equal(await page.locator("main img, video, audio, iframe").count(), 0, `${name} shows media`);
    if (!shots) continue;
    mkdirSync(shots, { recursive: true });
    await page.screenshot({ path: join(shots, `${name}-${size.width}.png`), fullPage: true });
  }
  await page.setViewportSize(wide);
}

// workbook makes an XLSX file of rows of text.
function workbook(rows) {
  const escape = (s) => s.replace(/&/g, "&amp;").replace(/</g, "&lt;");
  const sheet = rows.map((cells, r) => `<row r="${r + 1}">${cells.map((c, i) => (c === "" ? "" : c.startsWith("=")
    ? `<c r="${String.fromCharCode(65 + i)}${r + 1}" t="str"><f>${escape(c.slice(1))}</f><v>2</v></c>`
    : `<c r="${String.fromCharCode(65 + i)}${r + 1}" t="inlineStr"><is><t>${escape(c)}</t></is></c>`)).join("")}</row>`).join("");
  const main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
  const office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
  const packaged = "http://schemas.openxmlformats.org/package/2006";
  const parts = {
    "[Content_Types].xml": `<Types xmlns="${packaged}/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>`,
    "_rels/.rels": `<Relationships xmlns="${packaged}/relationships"><Relationship Id="rId1" Type="${office}/officeDocument" Target="xl/workbook.xml"/></Relationships>`,
    "xl/workbook.xml": `<workbook xmlns="${main}" xmlns:r="${office}"><sheets><sheet name="Accounts" sheetId="1" r:id="rId1"/></sheets></workbook>`,
    "xl/_rels/workbook.xml.rels": `<Relationships xmlns="${packaged}/relationships"><Relationship Id="rId1" Type="${office}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`,
    "xl/worksheets/sheet1.xml": `<worksheet xmlns="${main}"><sheetData>${sheet}</sheetData></worksheet>`,
  };
  const bodies = [], entries = [];
  let at = 0;
  for (const [name, text] of Object.entries(parts)) {
    const raw = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>${text}`), packed = deflateRawSync(raw), title = Buffer.from(name);
    const common = Buffer.alloc(26);
    [[0, 20], [4, 8]].forEach(([o, v]) => common.writeUInt16LE(v, o));
    [[10, crc32(raw)], [14, packed.length], [18, raw.length]].forEach(([o, v]) => common.writeUInt32LE(v, o));
    common.writeUInt16LE(title.length, 22);
    bodies.push(Buffer.from("PK\x03\x04"), common, title, packed);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(at, 10);
    entries.push(Buffer.from("PK\x01\x02\x14\x00"), common, rest, title);
    at += 30 + title.length + packed.length;
  }
  const list = Buffer.concat(entries), end = Buffer.alloc(22);
  end.write("PK\x05\x06", "latin1");
  end.writeUInt16LE(Object.keys(parts).length, 8);
  end.writeUInt16LE(Object.keys(parts).length, 10);
  end.writeUInt32LE(list.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...bodies, list, end]);
}

test("somebody reports in Hindi, keeps the receipt and reads how the report stands", async () => {
  const context = await browser.newContext({ viewport: wide, locale: "hi-IN" });
  const page = await context.newPage();
  const wrong = [], requests = [];
  page.on("pageerror", (e) => wrong.push(String(e)));
  page.on("console", (m) => m.type() === "error" && !/404/.test(m.text()) && wrong.push(m.text()));
  page.on("request", (r) => requests.push(r.url()));
  await page.goto(running.url + "/report");
  assert.equal(await page.locator("html").getAttribute("lang"), "hi");
  await page.getByText("has not been reviewed").waitFor();
  await page.getByRole("link", { name: /112/ }).waitFor();
  await page.getByRole("link", { name: /1098/ }).waitFor();

  await page.getByLabel(/^यह कहाँ है/).fill("https://mobile.twitter.com/Kite_River?s=21\nनदी के पास");
  const understood = page.locator(".understood li");
  await understood.first().waitFor();
  assert.match(await understood.nth(0).innerText(), /hxxps:\/\/x\[\.\]com\/kite_river – X, खाता/);
  assert.match(await understood.nth(1).innerText(), /समझ में नहीं आया/);
  await page.getByLabel("क्या हुआ?").fill("मैंने यह खाता कल देखा।");
  await page.getByLabel("यह किस बारे में है?").selectOption("enticement");
  await page.getByLabel("एक बच्चा इस समय ख़तरे में है").check();
  await shoot(page, "report-hindi");
  await page.getByRole("button", { name: "सूचना भेजें" }).click();
  await page.getByRole("heading", { level: 1, name: "आपकी सूचना मिल गई" }).waitFor();
  const number = await page.locator("[data-receipt=number]").innerText(), code = await page.locator("[data-receipt=code]").innerText();
  assert.match(number, /^R-[0-9A-Z]{4}-[0-9A-Z]{4}$/);
  await shoot(page, "report-receipt");

  const tips = await (await fetch(running.url + "/api/v1/tips?source=form", { headers: { Authorization: "Bearer " + token, Purpose: "a test" } })).json();
  assert.equal(tips.length, 2);
  assert.equal(tips[0].locator, "https://x.com/kite_river");
  assert.equal(tips[0].language, "hi");
  assert.ok(tips.every((t) => t.danger_at > 0 && t.external_ref === number));

  await page.getByRole("link", { name: "सूचना की स्थिति" }).first().click();
  await page.getByLabel("संख्या").fill(number.toLowerCase());
  await page.getByLabel("कोड").fill("0000-0000-0000-0000");
  await page.getByRole("button", { name: "दिखाएँ" }).click();
  await page.getByRole("alert").filter({ hasText: "कोई सूचना नहीं है" }).waitFor();
  await page.getByLabel("संख्या").fill(number.toLowerCase());
  await page.getByLabel("कोड").fill(code.replaceAll("-", " "));
  await page.getByRole("button", { name: "दिखाएँ" }).click();
  await page.getByRole("status").getByText("प्रशिक्षित व्यक्ति की प्रतीक्षा में").first().waitFor();
  await shoot(page, "report-status");
  await page.getByRole("link", { name: "English" }).click();
  await page.getByRole("heading", { level: 1, name: "How does a report stand?" }).waitFor();
  await page.getByRole("link", { name: "Make a report" }).click();
  await page.getByLabel("What happened?").waitFor();
  await shoot(page, "report-english");
  assert.deepEqual(wrong, []);
  assert.deepEqual(requests.filter((r) => !r.startsWith(running.url + "/")), [], "a page asks another host");
  assert.deepEqual(await context.cookies(), []);
  await context.close();
});

test("without a script a report waits for a person, who lets it in", async () => {
  const context = await browser.newContext({ viewport: wide, javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(running.url + "/report?lang=en");
  await page.getByText("This browser runs no scripts.").waitFor();
  await page.getByLabel(/^Where is it/).fill("Telegram: kite_basket");
  await page.getByLabel("What is it about?").selectOption("media");
  await page.getByRole("button", { name: "Send the report" }).click();
  await page.getByText("It waits for a person to let it in, because").waitFor();
  const number = await page.locator("[data-receipt=number]").innerText();
  await context.close();

  const desk = await signIn(browser, entry);
  await desk.page.getByRole("link", { name: "Public form" }).click();
  await purposes(desk.page);
  await desk.page.getByRole("heading", { level: 3, name: number }).waitFor();
  await shoot(desk.page, "forms");
  await desk.page.getByRole("button", { name: "Make tips of " + number }).click();
  await desk.page.getByText("Nothing waits.").waitFor();
  const tips = await (await fetch(running.url + "/api/v1/tips?source=form", { headers: { Authorization: "Bearer " + token, Purpose: "a test" } })).json();
  assert.ok(tips.some((t) => t.locator === "https://t.me/kite_basket"));
  await desk.context.close();
});

test("a workbook is previewed, imported with its broken row, and the row is corrected", async () => {
  const { context, page } = await signIn(browser, entry);
  const wrong = [];
  page.on("pageerror", (e) => wrong.push(String(e)));
  await open(page, running.url + "/complaints");
  await page.getByLabel("CSV or XLSX file").setInputFiles({ name: "list.csv", mimeType: "text/csv", buffer: Buffer.from("%PDF-1.7 kite") });
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByRole("alert").filter({ hasText: "This is a PDF, whatever it is called" }).waitFor();

  await page.getByLabel("CSV or XLSX file").setInputFiles({ name: "accounts.xlsx", mimeType: "application/octet-stream", buffer: workbook([
    ["List of accounts"], ["No", "Platform", "User ID", "Remarks"],
    ["1", "Instagram", "kite.river", "नदी"], ["2", "", "https://t.me/kite_river/55", "=1+1"], ["3", "X", "kite river basket", ""], ["4", "Insta", "@Kite.River", ""],
  ]) });
  await page.getByRole("button", { name: "Preview" }).click();
  await page.getByRole("heading", { level: 1, name: "Preview of accounts.xlsx" }).waitFor();
  for (const [name, count] of [["lines", 4], ["tips", 2], ["duplicate_lines", 1], ["unreadable", 1], ["headings", 1], ["known", 0]]) {
    assert.equal(await page.locator(`[data-count=${name}]`).innerText(), String(count), name);
  }
  await page.getByRole("row").filter({ hasText: "Accounts, row 4" }).filter({ hasText: "hxxps://t[.]me/kite_river/55" }).filter({ hasText: "D4 =1+1" }).waitFor();
  await page.getByRole("row").filter({ hasText: "Accounts, row 6" }).filter({ hasText: "of row 2" }).waitFor();
  await shoot(page, "complaint-preview");
  await page.getByLabel("Reference of the complaint").fill("DCW/7");
  await page.getByLabel("Complainant").fill("A women's commission");
  await page.getByRole("button", { name: "Import 4 rows" }).click();
  await page.getByRole("heading", { level: 1, name: "Complaint DCW/7" }).waitFor();

  const line = page.getByRole("row").filter({ hasText: "kite river basket" });
  await line.getByLabel("The address that is meant").fill("by the river");
  await line.getByRole("button", { name: "Correct line 4" }).click();
  await page.getByRole("alert").filter({ hasText: "more here than one address" }).waitFor();
  await shoot(page, "complaint-correct");
  await page.getByLabel("The address that is meant").fill("https://x.com/kite_basket");
  await page.getByRole("button", { name: "Correct line 4" }).click();
  await page.getByRole("status").filter({ hasText: "The line is corrected." }).waitFor();
  await page.getByLabel("Lines").selectOption("");
  await page.getByRole("button", { name: "Show" }).click();
  const corrected = page.getByRole("row").filter({ hasText: "kite river basket" });
  await corrected.filter({ hasText: "Corrected by a person to hxxps://x[.]com/kite_basket" }).filter({ hasText: /T-\d{4}-\d{6}/ }).waitFor();
  assert.equal(await page.locator("[data-count=unreadable]").innerText(), "0");
  await shoot(page, "complaint");

  const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("link", { name: "CSV" }).click()]);
  const chunks = [];
  for await (const c of await download.createReadStream()) chunks.push(c);
  const text = Buffer.concat(chunks).toString();
  assert.match(text, /https:\/\/x\.com\/kite_basket/);
  assert.doesNotMatch(text, /(^|,|\n)"?[=+@]/, "a cell would be run by a spreadsheet program");
  await page.goto(running.url + "/complaints");
  await shoot(page, "complaints");
  assert.deepEqual(wrong, []);
  await context.close();
});
