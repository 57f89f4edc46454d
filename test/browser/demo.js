// Runs bin/raksha demo, for the tests and for the screenshots.
import { spawn, execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

const root = resolve(import.meta.dirname, "../..");
const binary = process.env.RAKSHA ?? join(root, "bin/raksha");

export function build() {
  if (!existsSync(binary)) execFileSync("make", ["build"], { cwd: root, stdio: "inherit" });
}

export function folder() {
  return mkdtempSync(join(tmpdir(), "raksha-demo-"));
}

// once plays a story to its end and gives the summary that it prints.
export function once(story, dir) {
  return JSON.parse(execFileSync(binary, ["demo", "--once", "--json", "--story", join(root, story), "--dir", dir], { encoding: "utf8", maxBuffer: 64 << 20, stdio: ["ignore", "pipe", "inherit"] }));
}

// stay starts a demo that stays up and gives its consoles by name, once it has printed them, and the way to stop it.
export async function stay(story, dir) {
  const child = spawn(binary, ["demo", "--dir", dir, ...(story ? ["--story", join(root, story)] : [])], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = new Promise((done) => child.once("exit", done));
  let told = "";
  child.stderr.on("data", (b) => (told = (told + b).slice(-4000)));
  const consoles = {};
  await new Promise((done, fail) => {
    let quiet;
    createInterface({ input: child.stdout }).on("line", (line) => {
      const m = /^console (\S+)\s+(http:\S+) user (\S+) password (\S+)/.exec(line.trim());
      if (m) consoles[m[1]] = { name: m[1], url: m[2], username: m[3], password: m[4] };
      if (Object.keys(consoles).length === 0) return;
      clearTimeout(quiet);
      quiet = setTimeout(done, 500); // the lines come together
    });
    ended.then((status) => fail(new Error(`raksha demo ended with ${status}:\n${told}`)));
  });
  const stop = async () => {
    child.kill("SIGINT");
    await ended;
  };
  return { consoles, stop };
}

export function remove(dir) {
  rmSync(dir, { recursive: true, force: true });
}
