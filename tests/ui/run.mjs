// All tests of the pages: `node tests/ui/run.mjs`, from anywhere. With `--snapshots` it writes tests/ui/snapshots anew instead.
//
// What it needs from npm lies in target/ui-tests, never in the tree; `npm ci` puts it there. The program is target/debug/pathkeeper,
// or what PATHKEEPER names; a debug build serves the pages from their folder.

import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = join(here, "../..");
const scratch = join(root, "target/ui-tests");
const tests = (folder) => readdirSync(join(here, folder)).filter((name) => name.endsWith(".test.mjs")).map((name) => join(here, folder, name));

function step(name, command, args, options = {}) {
  const began = Date.now();
  console.log(`-- ${name}`);
  const { status, error } = spawnSync(command, args, { stdio: "inherit", cwd: root, ...options });
  console.log(`-- ${name}: ${status === 0 ? "ok" : "FAILED"} in ${((Date.now() - began) / 1000).toFixed(1)} s`);
  if (error) console.error(String(error));
  return status === 0;
}

/** What npm has to give, put there if it is absent or another version. */
function install() {
  mkdirSync(scratch, { recursive: true });
  const lock = readFileSync(join(here, "package-lock.json"), "utf8");
  const there = join(scratch, "package-lock.json");
  if (existsSync(join(scratch, "node_modules/playwright-core")) && existsSync(there) && readFileSync(there, "utf8") === lock) return true;
  for (const name of ["package.json", "package-lock.json", ".npmrc"]) cpSync(join(here, name), join(scratch, name));
  return step("npm ci", "npm", ["ci", "--ignore-scripts"], { cwd: scratch });
}

if (process.argv.includes("--install")) process.exit(install() ? 0 : 1);
if (process.argv.includes("--snapshots")) {
  const args = ["--test", "--test-reporter=dot", "--test-name-pattern=heard as it is stored", join(here, "browser/pages.test.mjs")];
  process.exit(install() && step("snapshots", process.execPath, args, { env: { ...process.env, UPDATE_SNAPSHOTS: "1" } }) ? 0 : 1);
}
let passed = step("modules without a page", process.execPath, ["--test", "--test-reporter=dot", ...tests("unit")]);
if (install()) {
  passed = step("types", process.execPath, [join(scratch, "node_modules/typescript/bin/tsc"), "-p", join(root, "crates/pathkeeper/ui")]) && passed;
  // All files at once: each has a cluster of its own, and most of its time is waiting for what nodes tell every half minute.
  passed = step("browser", process.execPath, ["--test", "--test-concurrency=3", "--test-reporter=spec", ...tests("browser")]) && passed;
} else {
  passed = false;
}
process.exit(passed ? 0 : 1);
