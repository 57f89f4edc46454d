// Runs one node of its own, reached as localhost: browsers give passkeys to a host name, not to an address.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const binary = process.env.RAKSHA ?? join(resolve(import.meta.dirname, "../.."), "bin/raksha");

export const password = "a long test password";

// start runs a node, a unit's if nothing else is said, and sets it up with one person. more are further arguments of raksha serve. It gives
// the node's URL, the fingerprint of its root key, the API as a function, and the way to stop it.
export async function start(...more) {
  const { agency = "unit.capital", desks = "unit" } = typeof more[0] === "object" ? more.shift() : {};
  const dir = mkdtempSync(join(tmpdir(), "raksha-node-"));
  const child = spawn(binary, ["serve", "--dir", join(dir, "node"), "--desks", desks, "--listen", "127.0.0.1:0", "--allow-loopback", ...more], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((done) => child.once("exit", done));
  let told = "";
  child.stderr.on("data", (b) => (told = (told + b).slice(-4000)));
  let code, url;
  await new Promise((done, fail) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      code ??= /^set-up code: (\S+)/.exec(line)?.[1];
      const m = /^listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(line);
      if (m) {
        url = `http://localhost:${m[1]}`;
        done();
      }
    });
    ended.then((status) => fail(new Error(`raksha serve ended with ${status}:\n${told}`)));
  });
  const api = async (path, body, token, headers = {}) => {
    const response = await fetch(url + "/api/v1" + path, {
      method: body ? "POST" : "GET",
      headers: { "Content-Type": "application/json", ...(token ? { Authorization: "Bearer " + token } : {}), ...headers },
      body: body ? JSON.stringify(body) : undefined,
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
  };
  const made = await api("/setup", { code, agency, name: "Cyber Crime Unit, Capital", url, jurisdiction: "in", station: "CYBER", phone: "", username: "asha", password, person_name: "Asha Rao" });
  if (made.status !== 200) throw new Error(`set-up: ${made.status} ${made.body.detail}`);
  const stop = async () => {
    child.kill("SIGTERM");
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  return { url, fingerprint: made.body.fingerprint, api, stop };
}
