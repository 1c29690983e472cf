// What comes and goes while a page is open: faults, the connection, people's words.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, demo, login } from "./lib.mjs";

const STORY = `
+6s pve1 path vm-prod-01 1 fail
+9s pve1 path vm-prod-01 1 up
`;

let cluster, chrome;
before(async () => {
  cluster = await demo({ nodes: 2, luns: 4, script: STORY });
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await cluster?.stop();
});

test("a fault comes and goes on an open page", async () => {
  const page = await chrome.page(`${cluster.url}#/matrix?unclean=1`);
  await page.getByRole("gridcell", { name: /vm-prod-01 on pve1: degraded, 3\/4 paths/ }).waitFor({ timeout: 60_000 });
  assert.match(await page.title(), /HEALTH_WARN/);
  await page.getByText("none of 4 LUNs matches this filter").waitFor({ timeout: 60_000 });
  await page.locator("#health").filter({ hasText: "demo HEALTH_OK" }).waitFor();
  await page.goto(cluster.url);
  await page.getByText("Nothing is wrong.").waitFor();
  await page.done();
});

test("a lost connection is said within five seconds, and nothing old looks live", async () => {
  const page = await chrome.page(cluster.url, { quiet: ["ERR_", "Failed to load", "net::"] });
  await page.locator('body[data-connection="live"]').waitFor();
  cluster.hold();
  const began = Date.now();
  try {
    await page.getByRole("alert").filter({ hasText: "NO CONNECTION since" }).waitFor();
    assert.ok(Date.now() - began < 5_000, `it took ${Date.now() - began} ms`);
    assert.match(await page.title(), /^\? no connection/);
    assert.match(await page.evaluate(() => getComputedStyle(document.querySelector("main")).filter), /grayscale\(1\)/);
  } finally {
    cluster.release();
  }
  await page.locator('body[data-connection="live"]').waitFor();
  await page.getByRole("alert").filter({ hasText: "NO CONNECTION" }).waitFor({ state: "hidden" });
  await page.done();
});

test("a hidden tab gives its stream to the one that is looked at, and takes one again when its turn comes", async () => {
  const page = await chrome.page(cluster.url);
  const live = (of) => of.locator('body[data-connection="live"]').waitFor();
  // Without a screen every tab is seen, so it is told.
  const hide = (hidden) => page.evaluate((hidden) => {
    Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  await live(page);
  await hide(true);
  const other = await page.context().newPage();
  await other.goto(cluster.url);
  await live(other);
  await page.getByRole("alert").filter({ hasText: "another tab is looked at" }).waitFor();
  assert.match(await page.title(), /^\? no connection/);
  await hide(false);
  await live(page);
  await live(other);
  await other.close();
  await page.done();
});

test("the map is kept up to date in place, and only while somebody answers", async () => {
  const page = await chrome.page(`${cluster.url}#/map?name=vm-prod-01`);
  const words = page.locator(".map-line");
  await words.filter({ hasText: /^vm-prod-01 on pve1: degraded, no listed cause explains it$/ }).waitFor({ timeout: 60_000 });
  let asked = 0;
  page.on("request", (request) => (asked += request.url().includes("/multipath/map") ? 1 : 0));
  await words.filter({ hasText: /^vm-prod-01 on pve1: optimal$/ }).waitFor({ timeout: 60_000 });
  assert.equal(asked, 0, "what changed came by the stream");
  await page.goto(`${cluster.url}#/map?at=1000`);
  await page.getByText("The map is of now alone").waitFor();
  assert.equal(await page.getByRole("grid").isVisible(), false);
  await page.done();
});

test("who pauses is not moved, and is told how much waits", async () => {
  const page = await chrome.page(`${cluster.url}#/matrix?unclean=0`);
  await page.getByRole("gridcell").first().waitFor();
  await page.getByRole("button", { name: "pause" }).click();
  const before = await page.getByRole("grid").innerText();
  await page.getByText(/PAUSED at .*: [1-9]\d* changes? since/).waitFor({ timeout: 60_000 });
  assert.equal(await page.getByRole("grid").innerText(), before);
  await page.getByRole("button", { name: "go on" }).click();
  await page.getByText(/PAUSED at/).waitFor({ state: "detached" });
  await page.done();
});

test("a token logs in, a wrong one does not, and a session alone changes nothing", async () => {
  const page = await chrome.page(cluster.url, { quiet: ["401"] });
  await page.getByRole("button", { name: "log in" }).click();
  const dialog = page.getByRole("dialog", { name: "Log in" });
  await dialog.getByLabel("API token").fill("root@pam!demo=wrong");
  await dialog.getByRole("button", { name: "Log in" }).click();
  await dialog.getByRole("alert").filter({ hasText: "not known here" }).waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await login(page, cluster.token);
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.name, cookie.httpOnly, cookie.sameSite], ["pathkeeper-session", true, "Strict"]);
  // The cookie goes along by itself; what only our page knows does not.
  const forged = await page.evaluate(async () => (await fetch("/api2/json/cluster/multipath/mutes", { method: "POST", body: "{}", headers: { "content-type": "application/json" } })).status);
  assert.equal(forged, 401);
  await page.getByRole("button", { name: "log out" }).click();
  await page.getByRole("button", { name: "log in" }).waitFor();
  assert.equal((await page.context().cookies()).length, 0);
  await page.done();
});

test("a mute is given and ended, and its reason is text", async () => {
  const page = await chrome.page(cluster.url);
  await page.locator('body[data-connection="live"]').waitFor();
  await login(page, cluster.token);
  const card = page.locator('[data-code="LUN_DEGRADED"]').first();
  await card.waitFor({ timeout: 60_000 });
  await card.getByRole("button", { name: "mute…" }).click();
  await card.getByLabel("why").fill("<b onclick=x>ticket 4711</b>");
  await card.getByRole("combobox").selectOption({ label: "1 hour" });
  await card.getByRole("button", { name: "Mute", exact: true }).click();
  const muted = page.getByRole("region", { name: "Mutes and windows" });
  await muted.getByText("“<b onclick=x>ticket 4711</b>”").waitFor();
  await muted.getByRole("button", { name: "unmute" }).click();
  await muted.waitFor({ state: "hidden" });
  await page.done();
});

test("of two editors the slower one sees both texts and loses nothing", async () => {
  const one = await chrome.page(`${cluster.url}#/config`, { quiet: ["409"] });
  const other = await chrome.page(`${cluster.url}#/config`);
  const editor = (page) => page.getByRole("textbox", { name: "multipath-overrides.conf" });
  for (const page of [one, other]) {
    await page.locator('body[data-connection="live"]').waitFor();
    await login(page, cluster.token);
    await editor(page).waitFor();
  }
  await editor(one).fill("overrides {\n  fast_io_fail_tmo 5\n}\n");
  await editor(other).fill("overrides {\n  fast_io_fail_tmo 10\n}\n");
  const write = (page) => page.getByRole("region", { name: "Overrides" }).getByRole("button", { name: "Write" }).click();
  await write(other);
  await other.getByText(/written; nothing is applied/).waitFor();
  await write(one);
  const conflict = one.getByRole("region", { name: "Conflict" });
  await conflict.getByText("− fast_io_fail_tmo 5", { exact: false }).or(conflict.getByText("fast_io_fail_tmo 5")).first().waitFor();
  assert.match(await conflict.innerText(), /fast_io_fail_tmo 10/);
  const standing = async () => (await cluster.get("cluster/multipath/overrides")).text;
  assert.match(await standing(), /fast_io_fail_tmo 10/);
  await conflict.getByRole("button", { name: "write mine over it" }).click();
  await one.getByText(/written; nothing is applied/).waitFor();
  assert.match(await standing(), /fast_io_fail_tmo 5/);
  await one.done();
  await other.done();
});

test("a LUN is allowed, and the plan says what that would do", async () => {
  const page = await chrome.page(`${cluster.url}#/config`);
  await page.locator('body[data-connection="live"]').waitFor();
  await login(page, cluster.token);
  await page.getByRole("button", { name: "allow vm-prod-01" }).click();
  await page.getByText(/written; nothing is applied/).waitFor();
  await page.getByRole("button", { name: "change vm-prod-01" }).waitFor();
  assert.match((await cluster.get("cluster/multipath/config")).config.text, /alias vm-prod-01/);
  await page.getByRole("button", { name: "Show the plan" }).click();
  await page.getByRole("region", { name: "Rollout" }).locator("summary").filter({ hasText: "pve1" }).waitFor();
  await page.done();
});
