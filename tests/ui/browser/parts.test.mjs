// A snapshot that comes in parts: what is there is shown at once and never looks like the whole. The agent is made up, so that the test
// decides when the next part comes; that the real one gives them so is tested beside it (crates/pathkeeper/src/app/parts.rs).

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { agent } from "../figures/pretend.mjs";
import { browser } from "./lib.mjs";

const LUNS = 1_000;
/** What the next streams wait for between their parts, in their order. */
const waits = [];
const came = [];
let cluster, chrome;
before(async () => {
  cluster = await agent({ nodes: 12, luns: LUNS, between: async (stream, last) => {
    came.push(last);
    await waits.shift()?.(stream);
  } });
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  cluster?.close();
});

/** A wait that ends when it is told to, with something that is done to the stream then. @param {(stream: any) => void} [done] */
function gate(done) {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  waits.push((stream) => opened.then(() => done?.(stream)));
  return open;
}
const shown = (page) => page.locator(".row.lun .alias").allInnerTexts();
const lost = { quiet: ["ERR_", "Failed to load", "net::"] };

test("the first rows are there at once, said not to be all, and stay where they are when the others come", async () => {
  const open = gate();
  const page = await chrome.page(`${cluster.url}#/matrix?unclean=0`);
  const grid = page.getByRole("grid");
  await grid.getByRole("gridcell").first().waitFor();
  const first = await shown(page);
  assert.ok(first.length > 10);
  assert.equal(await page.locator(".count").innerText(), "48 of 1000 LUNs, 12 nodes; 952 LUNs still on the way");
  assert.equal(await grid.getAttribute("aria-rowcount"), "-1");
  assert.equal(await grid.getAttribute("aria-colcount"), "13");
  assert.match(await page.locator("#counts").innerText(), /^1000 LUNs: 334 degraded, 666 optimal$/);
  assert.ok(await page.getByRole("button", { name: "CSV" }).isDisabled());
  // What is looked for may be among the others.
  await page.getByLabel("name").fill("vm-prod-999");
  await page.getByText("none of the 48 LUNs that came so far matches this filter: 952 more are on their way").waitFor();
  open();
  await page.getByRole("rowheader", { name: /vm-prod-999/ }).waitFor();
  await page.getByLabel("name").fill("");
  await page.locator(".count").filter({ hasText: /^1000 of 1000 LUNs, 12 nodes$/ }).waitFor();
  assert.deepEqual((await shown(page)).slice(0, 10), first.slice(0, 10));
  // Twenty storages head their rows.
  assert.equal(await grid.getAttribute("aria-rowcount"), "1021");
  assert.equal(await page.getByRole("button", { name: "CSV" }).isDisabled(), false);
  await page.done();
});

test("what is not optimal comes first where that alone is shown, and a link to a cell lands when its row comes", async () => {
  const open = gate();
  // A row that is well, so that it comes late.
  const page = await chrome.page(`${cluster.url}#/matrix?cell=3600a0980383044793000000000000998/pve3`, lost);
  await page.locator(".count").filter({ hasText: /^48 of 1000 LUNs that are not optimal everywhere, 12 nodes; / }).waitFor();
  assert.equal(await page.locator("pk-cell").count(), 0);
  open();
  await page.locator("pk-cell").getByText("vm-prod-998").first().waitFor();
  await page.locator(".count").filter({ hasText: /^334 of 1000 LUNs that are not optimal everywhere, 12 nodes$/ }).waitFor();
  await page.done();
});

test("a connection that is lost between the parts leaves nothing that looks whole, and the next one begins anew", async () => {
  const cut = gate((stream) => stream.destroy());
  const open = gate();
  came.length = 0;
  const page = await chrome.page(`${cluster.url}#/matrix?unclean=0`, lost);
  await page.getByRole("gridcell").first().waitFor();
  cut();
  await page.getByRole("alert").filter({ hasText: "NO CONNECTION since" }).waitFor();
  assert.match(await page.locator(".count").innerText(), /952 LUNs still on the way$/);
  open();
  await page.locator(".count").filter({ hasText: /^1000 of 1000 LUNs, 12 nodes$/ }).waitFor();
  await page.locator('body[data-connection="live"]').waitFor();
  assert.ok(came.length >= 2 && came.every((last) => last === undefined), `nobody claims to have had it: ${came}`);
  await page.done();
});

test("a change between the parts is none that can be believed: all is asked for anew", async () => {
  const page = await chrome.page(`${cluster.url}`, lost);
  await page.locator(".cause").first().waitFor();
  const tell = gate((stream) => stream.write(`event: delta\nid: 1-2\ndata: {"removed":["3600a0980383044793000000000000000"]}\n\n`));
  const open = gate();
  await page.goto(`${cluster.url}#/matrix?unclean=0`);
  await page.getByRole("gridcell").first().waitFor();
  tell();
  await page.getByRole("alert").filter({ hasText: "a change came before all rows were there" }).waitFor();
  open();
  await page.locator(".count").filter({ hasText: /^1000 of 1000 LUNs, 12 nodes$/ }).waitFor();
  await page.locator('body[data-connection="live"]').waitFor();
  await page.done();
});
