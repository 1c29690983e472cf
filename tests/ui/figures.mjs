// How fast the pages are: node tests/ui/figures.mjs URL. Prints what docs/performance.md holds; needs what run.mjs has installed.

import { browser } from "./browser/lib.mjs";

const url = process.argv[2] ?? "http://127.0.0.1:8480/";
const TIMES = 7;
const chrome = await browser();
const views = [["overview", "", ".cause, .quiet:not([hidden])"], ["matrix", "#/matrix?unclean=0", "[role=gridcell]"]];

/** From the start of the navigation until the frame that shows it, ms. */
async function first(hash, selector) {
  const page = await chrome.page("about:blank");
  await page.addInitScript((selector) => {
    new MutationObserver(() => {
      if (document.querySelector(selector)) requestAnimationFrame(() => (globalThis.seen ??= performance.now()));
    }).observe(document, { childList: true, subtree: true, attributes: true });
  }, selector);
  let bytes = 0;
  page.on("response", async (answer) => {
    if (answer.url() === url || answer.url().includes("/ui/")) bytes += (await answer.body().catch(() => "")).length;
  });
  await page.goto(url + hash);
  await page.waitForFunction(() => globalThis.seen);
  await page.waitForTimeout(500);
  return { page, ms: await page.evaluate(() => globalThis.seen), bytes };
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
  return { fps: Math.round(frames.length / 3), p50: frames[frames.length >> 1], p99: frames[Math.floor(frames.length * 0.99)] };
});

for (const [name, hash, selector] of views) {
  const times = [];
  for (let n = 0; n < TIMES; n += 1) {
    const { page, ms, bytes } = await first(hash, selector);
    times.push(Math.round(ms));
    if (n === TIMES - 1) {
      console.log(`${name}: ${bytes} bytes`);
      if (name === "matrix") console.log("scroll", await scroll(page));
    }
    await page.context().close();
  }
  times.sort((a, b) => a - b);
  console.log(`${name}: first shown after ${times[TIMES >> 1]} ms (median of ${TIMES}: ${times.join(" ")})`);
}
await chrome.close();
