// How fast the pages are with a large cluster: `node tests/ui/figures.mjs`. Prints what docs/performance.md holds.
//
// No agent takes part: a server here gives the pages as they are in their folder, and a made-up status of 64 nodes and 1,000 LUNs. It
// needs what run.mjs has installed.

import { createReadStream, existsSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { browser } from "./browser/lib.mjs";

const TIMES = 7;
const NODES = 64;
const LUNS = 1_000;
const CHANGES_S = 1_000;
const ui = join(dirname(fileURLToPath(import.meta.url)), "../../crates/pathkeeper/ui");
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };

const nodeNames = Array.from({ length: NODES }, (_, n) => `pve${n + 1}`);
const cell = (bad) => (bad
  ? { state: "degraded", "paths-active": 2, "paths-total": 4, "paths-expected": 4, transport: "fc", causes: ["HBA_DOWN pve7/host7"] }
  : { state: "optimal", "paths-active": 4, "paths-total": 4, "paths-expected": 4, transport: "fc" });
const row = (n, bad) => ({
  wwid: `3600a0980383044793${String(n).padStart(15, "0")}`, name: `vm-prod-${n}`, "used-by": `store-${n % 20}`, "expected-by": "active", size: 1 << 30,
  "cluster-state": bad >= 0 ? "degraded" : "optimal", nodes: Object.fromEntries(nodeNames.map((name, at) => [name, cell(at === bad)])),
});
const epochS = Math.floor(Date.now() / 1000);
const status = {
  luns: Array.from({ length: LUNS }, (_, n) => row(n, n % 3 === 0 ? 6 : -1)), nodes: {},
  view: { partial: false, cluster: "figures", observer: "pve1", store: "embedded", mode: "observe", "nodes-known": NODES, "nodes-fresh": NODES, "multipathd-running": NODES, made: epochS },
  summary: { health: "HEALTH_WARN", "exit-status": 1, luns: LUNS, clean: 666, doubt: 0, optimal: 666, degraded: 334, missing: 0, failed: 0, unknown: 0, places: NODES * LUNS, "paths-active": 255_332, "paths-total": 256_000 },
  findings: [{ code: "HBA_DOWN", severity: "warning", scope: { node: "pve7", object: "host7" }, fingerprint: "HBA_DOWN pve7/host7", summary: "pve7/host7: link down", since: epochS,
    explains: { luns: 334, cells: 334, paths: 668, nodes: ["pve7"], codes: { LUN_DEGRADED: 334 } } }],
};
const snapshot = JSON.stringify(status);
const nodes = nodeNames.map((node) => ({ node, type: "node", status: "online", report: "fresh", "report-age-s": 3, multipathd: "running", mode: "observe", cells: {} }));
const answers = {
  "/api2/json/nodes": nodes,
  "/api2/json/session": { name: "anonymous", privilege: "Sys.Audit" },
  "/api2/json/cluster/multipath/history": { node: "pve1", events: [], "kept-since": epochS },
  "/api2/json/cluster/multipath/mutes": { mutes: [], digest: "", problems: [] },
  "/api2/json/cluster/multipath/windows": { windows: [], digest: "", problems: [] },
};

/** Sends so many changed cells a second, as ten deltas; the last one carries a mark. @type {((seconds: number) => Promise<void>) | null} */
let change = null;
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://localhost");
  if (pathname === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(`event: snapshot\nid: 1-1\ndata: ${snapshot}\n\n`);
    change = async (seconds) => {
      for (let turn = 0; turn < seconds * 10; turn += 1) {
        const luns = Array.from({ length: CHANGES_S / 10 }, (_, n) => row((turn * 100 + n) % LUNS, turn % 2 === 0 ? (turn * 7 + n) % NODES : -1));
        response.write(`event: delta\nid: 1-${turn + 2}\ndata: ${JSON.stringify({ luns })}\n\n`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
      response.write(`event: delta\nid: 1-9999\ndata: ${JSON.stringify({ view: { ...status.view, observer: `told-at-${Date.now()}` } })}\n\n`);
    };
  } else if (pathname === "/healthz") response.end("ok\n");
  else if (pathname in answers) response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ data: answers[pathname] }));
  else {
    const file = join(ui, normalize(pathname === "/" ? "index.html" : pathname.replace(/^\/ui\//, "")));
    if (!file.startsWith(ui) || !existsSync(file)) return void response.writeHead(404).end("{}");
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "text/plain" });
    createReadStream(file).pipe(response);
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}/`;
const chrome = await browser();

/** From the start of the navigation until the frame that shows it, ms. */
async function first(hash, selector) {
  const page = await chrome.page("about:blank");
  await page.addInitScript((selector) => {
    new MutationObserver(() => {
      if (document.querySelector(selector)) requestAnimationFrame(() => (globalThis.firstShown ??= performance.now()));
    }).observe(document, { childList: true, subtree: true, attributes: true });
  }, selector);
  await page.goto(url + hash);
  await page.waitForFunction(() => globalThis.firstShown);
  await page.waitForTimeout(500);
  const bytes = await page.evaluate(() => performance.getEntries()
    .filter((entry) => entry.entryType === "navigation" || entry.name.includes("/ui/"))
    .reduce((sum, entry) => sum + entry.decodedBodySize, 0));
  return { page, ms: await page.evaluate(() => globalThis.firstShown), bytes };
}

/** Scrolls aslant for three seconds, a step a frame. */
const scroll = (page) => page.evaluate(async () => {
  const grid = document.querySelector(".grid");
  const frames = [];
  const began = performance.now();
  for (let last = began; last - began < 3_000; ) {
    await new Promise(requestAnimationFrame);
    frames.push(performance.now() - last);
    last = performance.now();
    grid.scrollTop += 40;
    grid.scrollLeft += 9;
  }
  frames.sort((a, b) => a - b);
  return `${Math.round(frames.length / 3)} frames a second, p50 ${frames[frames.length >> 1].toFixed(1)} ms, p99 ${frames[Math.floor(frames.length * 0.99)].toFixed(1)} ms`;
});

for (const [name, hash, selector] of [["overview", "", ".cause"], ["matrix", "#/matrix?unclean=0", "[role=gridcell]"]]) {
  const times = [];
  for (let n = 0; n < TIMES; n += 1) {
    const { page, ms, bytes } = await first(hash, selector);
    times.push(Math.round(ms));
    if (n === TIMES - 1) {
      console.log(`${name}: ${bytes} bytes of pages, a snapshot of ${(snapshot.length / 1e6).toFixed(1)} MB`);
      if (name === "matrix") {
        console.log(`scroll: ${await scroll(page)}`);
        await change(5);
        const late = await page.waitForFunction(() => {
          const told = /told-at-(\d+)/.exec(document.getElementById("seen")?.textContent ?? "");
          return told ? Date.now() - Number(told[1]) : false;
        }, undefined, { polling: 5 });
        console.log(`${CHANGES_S} changed cells a second for 5 s: the last change is on the page ${await late.jsonValue()} ms after it was sent`);
        const heap = await page.evaluate(() => performance.memory?.usedJSHeapSize ?? 0);
        console.log(`heap: ${(heap / 1e6).toFixed(0)} MB`);
      }
    }
    await page.context().close();
  }
  times.sort((a, b) => a - b);
  console.log(`${name}: first shown after ${times[TIMES >> 1]} ms (median of ${TIMES}: ${times.join(" ")})`);
}
await chrome.close();
server.closeAllConnections();
server.close();
