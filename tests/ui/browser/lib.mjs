// A demo cluster and a browser for the tests of the pages.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "../../..");
const require = createRequire(join(root, "target/ui-tests/"));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** Nothing here takes longer, even where something else runs beside it. */
export const PATIENCE_MS = 60_000;

/** What is tested: the debug build, which serves the pages from their folder. */
export const program = process.env.PATHKEEPER ?? join(root, "target/debug/pathkeeper");

/** Asks for a status until it is as wanted. */
export async function until(look, holds) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    const status = await look().catch(() => null);
    if (status && holds(status)) return status;
    assert.ok(Date.now() < end, `the cluster does not come to it: ${JSON.stringify(status?.summary)} ${status?.findings.map((finding) => finding.fingerprint)}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

/** Logs in on a page, as people do. */
export async function login(page, token) {
  await page.getByRole("button", { name: "log in" }).click();
  const dialog = page.getByRole("dialog", { name: "Log in" });
  await dialog.getByLabel("API token").fill(token);
  await dialog.getByRole("button", { name: "Log in" }).click();
  await page.getByRole("button", { name: "log out" }).waitFor();
}

/** Starts `pathkeeper demo` with a script; gives its address, its token, and the way to hold and end it. */
export async function demo({ nodes = 4, luns = 8, script }) {
  const dir = mkdtempSync(join(tmpdir(), "pathkeeper-ui-"));
  const file = join(dir, "story");
  writeFileSync(file, script);
  const args = ["demo", "--port", "0", "--nodes", String(nodes), "--luns", String(luns), "--script", file];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
  const told = await new Promise((resolve, reject) => {
    const found = {};
    const lines = createInterface({ input: child.stdout });
    lines.on("line", (line) => {
      found.url ??= /the live pages: (\S+)/.exec(line)?.[1];
      found.token ??= /log in with: (\S+)/.exec(line)?.[1];
      if (found.url && found.token) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`the demo ended with ${code}`)));
    setTimeout(() => reject(new Error("the demo did not start in time")), PATIENCE_MS).unref();
  });
  const get = async (path) => (await (await fetch(`${told.url}api2/json/${path}`)).json()).data;
  return {
    ...told,
    get,
    status: () => get("cluster/multipath/status"),
    hold: () => child.kill("SIGSTOP"),
    release: () => child.kill("SIGCONT"),
    until: (holds) => until(() => get("cluster/multipath/status"), holds),
    async stop() {
      child.kill("SIGCONT");
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGINT");
      await gone;
      rmSync(dir, { recursive: true });
    },
  };
}

/** A browser without a screen. */
export async function browser() {
  const started = await chromium.launch({
    executablePath: "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  return {
    close: () => started.close(),
    /**
     * A page with nobody's cookies. It asks nobody but the agent and says nothing to the console that `quiet` does not expect;
     * `done` checks that and closes it.
     */
    async page(url, { quiet = [], ...options } = {}) {
      const context = await started.newContext({ viewport: { width: 1280, height: 800 }, ...options });
      const page = await context.newPage();
      page.setDefaultTimeout(20_000);
      const wrong = [];
      const origin = new URL(url).origin;
      page.on("request", (request) => {
        const to = request.url();
        if (!to.startsWith(`${origin}/`) && !to.startsWith("data:") && !to.startsWith("blob:")) wrong.push(`it asks ${to}`);
      });
      page.on("pageerror", (error) => wrong.push(`error: ${error.stack}`));
      page.on("console", (message) => {
        if (message.type() === "error" && !quiet.some((text) => message.text().includes(text))) wrong.push(`console: ${message.text()} ${message.location().url}`);
      });
      await page.goto(url);
      return Object.assign(page, {
        async done() {
          assert.deepEqual(wrong, []);
          await context.close();
        },
      });
    },
  };
}

/** Violations that axe-core finds, each with where; of all rules, or of these. */
export async function violations(page, rules) {
  // The page's policy lets no script in by text; the debugger's own world may run one.
  if (!await page.evaluate(() => "axe" in globalThis)) await page.evaluate(axeSource);
  const options = { resultTypes: ["violations"], ...(rules ? { runOnly: rules } : {}) };
  const found = await page.evaluate((options) => globalThis.axe.run(document, options), options);
  return found.violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.html.slice(0, 160)} ${node.failureSummary?.split("\n")[1] ?? ""}`));
}
