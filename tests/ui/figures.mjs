// How fast the pages are with a large cluster: `node tests/ui/figures.mjs [pages|map|large]`. Prints what docs/performance.md holds.
//
// No agent takes part, but one that is made up (figures/pretend.mjs). It needs what run.mjs has installed.

import { readFileSync } from "node:fs";
import { browser } from "./browser/lib.mjs";
import { agent } from "./figures/pretend.mjs";

const TIMES = 7;
const CHANGES_S = 1_000;
const wanted = process.argv[2] ?? "";
const chrome = await browser();

/** What a page's own thread has worked so far, s. */
const threadTime = async (cdp) => (await cdp.send("Performance.getMetrics")).metrics.find(({ name }) => name === "ThreadTime")?.value ?? 0;

/** From the start of the navigation until the frame that shows it, ms. */
async function first(address, selector) {
  const page = await chrome.page("about:blank");
  page.setDefaultTimeout(120_000);
  await page.addInitScript((selector) => {
    new MutationObserver(() => {
      if (document.querySelector(selector)) requestAnimationFrame(() => (globalThis.firstShown ??= performance.now()));
    }).observe(document, { childList: true, subtree: true, attributes: true });
  }, selector);
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  await page.goto(address);
  await page.waitForFunction(() => globalThis.firstShown);
  const worked = 1000 * await threadTime(cdp);
  await page.waitForTimeout(500);
  return { page, ms: await page.evaluate(() => globalThis.firstShown), worked };
}

/** What was loaded, bytes. @param {"decodedBodySize" | "encodedBodySize"} of */
const loaded = (page, part, of) => page.evaluate(([part, of]) => performance.getEntries()
  .filter((entry) => (part === "/ui/" && entry.entryType === "navigation") || (entry.entryType === "resource" && entry.name.includes(part)))
  .reduce((sum, entry) => sum + entry[of], 0), [part, of]);

/** Scrolls aslant for three seconds, a step a frame. Beside the frames: what the page's own thread works for one. */
async function scroll(page) {
  const cdp = await page.context().newCDPSession(page);
  await cdp.send("Performance.enable", { timeDomain: "threadTicks" });
  const before = await threadTime(cdp);
  const frames = await page.evaluate(async () => {
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
    return frames;
  });
  const each = (1000 * ((await threadTime(cdp)) - before)) / frames.length;
  frames.sort((a, b) => a - b);
  return `${Math.round(frames.length / 3)} frames a second, p50 ${frames[frames.length >> 1].toFixed(1)} ms, p99 ${frames[Math.floor(frames.length * 0.99)].toFixed(1)} ms; the page's thread works ${each.toFixed(1)} ms for each`;
}

/** Until what was sent last is on the page, ms. */
async function late(page) {
  const found = await page.waitForFunction(() => {
    const told = /told-at-(\d+)/.exec(document.getElementById("seen")?.textContent ?? "");
    return told ? Date.now() - Number(told[1]) : false;
  }, undefined, { polling: 5 });
  return found.jsonValue();
}

/** What the tab's process has for itself alone, MB. */
async function memory(page) {
  const cdp = await page.context().browser().newBrowserCDPSession();
  const { processInfo } = await cdp.send("SystemInfo.getProcessInfo");
  const sizes = processInfo.filter(({ type }) => type === "renderer").map(({ id }) => {
    const kib = /^Private_Dirty:\s+(\d+)/m.exec(readFileSync(`/proc/${id}/smaps_rollup`, "utf8"))?.[1];
    return Number(kib) / 1024;
  });
  return `${Math.max(...sizes).toFixed(0)} MB of its own in the tab's process`;
}

const middle = (times) => [...times].sort((a, b) => a - b)[times.length >> 1];
const median = (times) => {
  times.sort((a, b) => a - b);
  return `${middle(times)} ms (median of ${times.length}: ${times.join(" ")})`;
};

if (wanted === "" || wanted === "pages") {
  const cluster = await agent({ nodes: 64, luns: 1_000 });
  const { whole, parts } = cluster.bytes();
  console.log(`64 nodes, 1,000 LUNs, a snapshot of ${(whole / 1e6).toFixed(1)} MB in one piece; in parts of ${parts.map((bytes) => Math.round(bytes / 1e3)).join(", ")} kB`);
  for (const [name, hash, selector] of [["least", "least", ".least"], ["overview", "", ".cause"], ["matrix", "#/matrix?unclean=0", "[role=gridcell]"]]) {
    const [times, works] = [[], []];
    for (let n = 0; n < TIMES; n += 1) {
      const { page, ms, worked } = await first(cluster.url + hash, selector);
      times.push(Math.round(ms));
      works.push(Math.round(worked));
      if (n === TIMES - 1 && name !== "least") {
        console.log(`${name}: ${await loaded(page, "/ui/", "decodedBodySize")} bytes of pages`);
        if (name === "matrix") {
          console.log(`scroll: ${await scroll(page)}`);
          await cluster.changeRows(5, CHANGES_S);
          console.log(`${CHANGES_S} changed cells a second for 5 s: the last change is on the page ${await late(page)} ms after it was sent`);
          console.log(`matrix: ${await memory(page)}`);
        }
      }
      await page.context().close();
    }
    console.log(`${name}: first shown after ${median(times)}; the page's thread had worked ${middle(works)} ms by then`);
  }
  cluster.close();
}

if (wanted === "" || wanted === "map") {
  const cluster = await agent({ nodes: 1_000, luns: 10_000, faults: 20_000 });
  console.log("1,000 nodes, 10,000 LUNs, 20,000 cells ill by chance");
  const times = [];
  for (let n = 0; n < TIMES; n += 1) {
    const { page, ms } = await first(`${cluster.url}#/map`, ".map-counts li");
    // The first one makes the bytes.
    if (n > 0) times.push(Math.round(ms));
    if (n === TIMES - 1) {
      const path = "/api2/json/cluster/multipath/map";
      const [all, names] = [await loaded(page, path, "encodedBodySize"), await loaded(page, `${path}/names`, "encodedBodySize")];
      console.log(`map: ${all - names} bytes over the wire, and ${names} of names once; ${await memory(page)}`);
      await cluster.changeMap(5, CHANGES_S);
      console.log(`${CHANGES_S} changed cells a second for 5 s: the last change is on the page ${await late(page)} ms after it was sent; ${await memory(page)}`);
    }
    await page.context().close();
  }
  console.log(`map: first shown after ${median(times)}`);
  cluster.close();
}

// Where the matrix, which holds every row, stops being usable.
for (const [nodes, luns] of wanted === "large" ? [[64, 1_000], [100, 2_000], [200, 3_000], [300, 3_000]] : []) {
  const cluster = await agent({ nodes, luns });
  const bytes = cluster.bytes().whole;
  const { page, ms } = await first(`${cluster.url}#/matrix`, "[role=gridcell]");
  const longest = await page.evaluate(() => new Promise((resolve) => {
    new PerformanceObserver((list) => resolve(Math.max(...list.getEntries().map(({ duration }) => duration)))).observe({ type: "longtask", buffered: true });
  }));
  await cluster.changeRows(2, 100);
  console.log(`matrix of ${nodes} nodes × ${luns} LUNs: ${(bytes / 1e6).toFixed(1)} MB of rows, first shown after ${Math.round(ms)} ms, the page stands still for ${longest} ms of that; a change is shown after ${await late(page)} ms; ${await memory(page)}`);
  await page.context().close();
  cluster.close();
}
await chrome.close();
