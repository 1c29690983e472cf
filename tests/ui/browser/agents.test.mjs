// The pages against real agents, an etcd between them, and what happens to all of that while a page is open: faults, people's
// words, rollouts, a store that is away, an agent that dies, a session that ends. One cluster; each test begins where the one before it ended.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { LOST, agents, obstacle, outside } from "./agents.mjs";
import { browser, login } from "./lib.mjs";

const skip = obstacle();
/** What a browser itself says of an agent that is away, or refuses. */
const AWAY = ["ERR_", "Failed to load", "net::"];
let cluster, chrome;
/** Waits until all nodes did what the first test ordered. */
let obeyed = async () => {};
before(async () => {
  if (skip) return;
  cluster = await agents({ nodes: 3, luns: 4, tls: Boolean(outside) });
  chrome = await browser();
});
after(async () => {
  await chrome?.close();
  await cluster?.stop();
});

const [ORACLE, FIRST, SECOND, LAST] = ["oracle-01", "vm-prod-01", "vm-prod-02", "vm-prod-03"];
const cell = (page, lun, node, words) => page.getByRole("gridcell", { name: new RegExp(`^${lun} on ${node}: ${words}`) }).waitFor({ timeout: 40_000 });
const post = (method, path, body) => fetch(`${cluster.url}api2/json/cluster/multipath/${path}`, {
  method, body: JSON.stringify(body), headers: { "content-type": "application/json", Authorization: `PVEAPIToken=${encodeURIComponent(cluster.token)}` },
});

test("paths that are gone for good are acknowledged in the LUN's ledger, as low as they were shown", { skip }, async () => {
  const page = await chrome.page(`${cluster.url}#/lun/${cluster.names.get(LAST)}`);
  await login(page, cluster.token);
  const ledger = page.getByRole("region", { name: "Ledger" });
  assert.deepEqual(await ledger.getByRole("row", { name: /^pve2/ }).getByRole("cell").allInnerTexts().then((cells) => cells.slice(0, 2)), [String(4 + LOST), "4"]);
  await page.getByRole("heading", { level: 1, name: /degraded/ }).waitFor();
  const gone = ledger.getByRole("checkbox", { name: /4 paths on pve1, 4 paths on pve2, 4 paths on pve3/ });
  await gone.check();
  await ledger.getByRole("button", { name: "Acknowledge on 3 nodes" }).click();
  await ledger.getByText(/lost paths acknowledged, ordered by root@pam!tester/).waitFor();
  await page.getByRole("heading", { level: 1, name: /optimal/ }).waitFor();
  // What each node remembers from then on is published within half a minute: the next test looks at it.
  obeyed = async () => {
    await ledger.getByText(/every node obeyed/).waitFor();
    await gone.waitFor({ state: "detached" });
    await page.done();
  };
});

test("each fault comes and goes on an open page", { skip }, async () => {
  const matrix = await chrome.page(`${cluster.url}#/matrix?unclean=0`);
  const overview = await chrome.page(cluster.url);
  await overview.getByText("Nothing is wrong.").waitFor({ timeout: 60_000 });
  const card = (code, has = "") => overview.locator(`.cards [data-code="${code}"]`).filter({ hasText: has });
  const well = async () => {
    for (const lun of cluster.names.keys()) for (const { name } of cluster.members) await cell(matrix, lun, name, "optimal, 4/4");
    await overview.getByText("Nothing is wrong.").waitFor({ timeout: 60_000 });
    await overview.locator("#health").filter({ hasText: "lab HEALTH_OK" }).waitFor();
  };
  await cluster.happens(`pve1 path ${FIRST} 1 fail`, `pve3 lun ${SECOND} unmap`, `pve2 lun ${ORACLE} forget`);
  await cell(matrix, FIRST, "pve1", "degraded, 3/4");
  await cell(matrix, SECOND, "pve3", "failed, 0/4 paths, I/O queues");
  await cell(matrix, ORACLE, "pve2", "missing");
  await card("LUN_DEGRADED", FIRST).first().waitFor();
  await card("LUN_MISSING", ORACLE).first().waitFor();
  await overview.locator("#health").filter({ hasText: "HEALTH_ERR" }).waitFor();
  // Corner marks: for how long I/O waits, by the second; what is muted, until it is not.
  const marks = (lun, node) => matrix.locator(`[data-of="${cluster.names.get(lun)}"][data-node="${node}"]`).evaluate((cell) => cell.dataset.marks ?? "");
  const queued = /^Q(\d+)s$/.exec(await marks(SECOND, "pve3"));
  await matrix.waitForFunction(([wwid, before]) => {
    const now = /^Q(\d+)([sm])/.exec(document.querySelector(`[data-of="${wwid}"][data-node="pve3"]`).dataset.marks);
    return now && (now[2] === "m" || Number(now[1]) > before);
  }, [cluster.names.get(SECOND), Number(queued?.[1] ?? 0)]);
  await login(overview, cluster.token);
  await card("LUN_DEGRADED", FIRST).getByRole("button", { name: "mute…" }).click();
  await card("LUN_DEGRADED", FIRST).getByLabel("why").fill("ticket 4711");
  await card("LUN_DEGRADED", FIRST).getByRole("button", { name: "Mute", exact: true }).click();
  await cell(matrix, FIRST, "pve1", "degraded, 3/4 paths.*, muted$");
  assert.equal(await marks(FIRST, "pve1"), "m");
  const [download] = await Promise.all([matrix.waitForEvent("download"), matrix.getByRole("button", { name: "CSV" }).click()]);
  const table = readFileSync(await download.path(), "utf8");
  assert.match(table, /degraded 3 of 4 m/);
  assert.match(table, /failed 0 of 4 Q\d+[sm]/);
  await overview.getByRole("region", { name: "Mutes and windows" }).getByRole("button", { name: "unmute" }).click();
  await cell(matrix, FIRST, "pve1", "degraded, 3/4 paths(?!.*muted)");
  await matrix.keyboard.press("?");
  await matrix.getByRole("dialog", { name: "Legend" }).getByText("I/O waits for a path, and for how long").waitFor();
  await matrix.keyboard.press("Escape");
  await cluster.happens(`pve1 path ${FIRST} 1 up`, `pve3 lun ${SECOND} map`, `pve2 lun ${ORACLE} assemble`);
  await well();

  // A LUN grows, and one node is forgotten.
  await cluster.happens(`array lun ${ORACLE} resize 900G`, `pve2 lun ${ORACLE} resize-map`, `pve3 lun ${ORACLE} resize-map`);
  await cluster.happens("pve2 adapter host7 down", "pve3 multipathd stop", `pve1 lun ${LAST} suspend`);
  await cell(matrix, FIRST, "pve2", "degraded, 2/4");
  await matrix.getByRole("columnheader", { name: /^pve3 mpathd stopped/ }).waitFor();
  await card("HBA_DOWN", /pve2\/host7 .*link down/).waitFor({ timeout: 60_000 });
  await card("MULTIPATHD_DOWN", "pve3").waitFor();
  await card("LUN_SUSPENDED", LAST).waitFor();
  await cell(matrix, ORACLE, "pve1", "optimal, 4/4 paths, another size");
  assert.equal(await marks(ORACLE, "pve1"), "s");
  await cell(matrix, ORACLE, "pve2", "degraded, 2/4 paths(?!.*another size)");
  await cluster.happens(`pve1 lun ${ORACLE} resize-map`, "pve2 adapter host7 up", "pve3 multipathd start", `pve1 lun ${LAST} resume`);
  await well();
  await obeyed();

  // A node dies: what it had is not known, and nothing of it looks well.
  await cluster.members[1].kill();
  await cell(matrix, FIRST, "pve2", "unknown");
  await overview.locator('[data-node-name="pve2"][data-health="unknown"]').waitFor();
  assert.equal(await overview.getByText("Nothing is wrong.").isVisible(), false);
  await cluster.members[1].start();
  await well();
  await matrix.done();
  await overview.done();
});

test("a rollout goes to one node first; the next is held, paused, forced and aborted; a bad one is rolled back, and nobody follows", { skip }, async () => {
  // As `config adopt` would propose it: every map keeps its name.
  const text = `defaults: global\n    no-path-retry 12\n${[...cluster.names].map(([name, wwid]) => `\nwwid: ${wwid}\n    alias ${name}\n`).join("")}`;
  const { digest } = (await cluster.get("cluster/multipath/config")).config;
  assert.equal((await post("PUT", "config", { text, digest })).status, 200);
  const page = await chrome.page(`${cluster.url}#/config`);
  await page.locator('body[data-connection="live"]').waitFor();
  await login(page, cluster.token);
  const rollout = page.getByRole("region", { name: "Rollout" });
  const settings = page.getByRole("region", { name: "Settings" });
  const row = (node, words) => rollout.getByRole("row", { name: new RegExp(`^${node} ${words}`) }).waitFor({ timeout: 60_000 });
  const apply = async () => {
    await rollout.getByRole("button", { name: "Show the plan" }).click();
    await rollout.getByRole("button", { name: "Apply this plan" }).click();
  };
  await rollout.getByText("Nothing was ever applied.").waitFor();
  await apply();
  await rollout.getByText("Generation 1: running").waitFor();
  await rollout.getByText("3 of 3 nodes done").waitFor({ timeout: 60_000 });
  for (const node of ["pve1", "pve2", "pve3"]) await row(node, "verified");
  assert.equal(await rollout.getByRole("progressbar").getAttribute("value"), "3");
  // What is in force is told with where it is set and what it means.
  const knob = settings.getByRole("row", { name: /^no-path-retry/ });
  await knob.filter({ hasText: /60-pathkeeper\.conf/ }).waitFor();
  assert.match(await knob.innerText(), /checks for which I\/O waits when no path is left/);

  // Where a path is failed nothing is applied.
  await cluster.happens(...["pve1", "pve2", "pve3"].map((node) => `${node} path ${FIRST} 1 fail`));
  await cluster.until((status) => status.luns.every((row) => row.name !== FIRST || Object.values(row.nodes).every((cell) => cell["paths-active"] === 3)));
  await settings.getByRole("button", { name: "change no-path-retry" }).click();
  await settings.getByRole("textbox", { name: "no-path-retry" }).fill("7");
  await settings.getByRole("button", { name: "Write" }).click();
  await settings.getByText(/written; nothing is applied/).waitFor();
  await page.getByText(/multipath\.cfg written and not applied yet/).waitFor();
  await apply();
  await row("pve1", "held");
  await rollout.getByText("Generation 2: running").waitFor();
  await rollout.getByRole("button", { name: "Pause" }).click();
  await rollout.getByText("Generation 2: paused").waitFor();
  await rollout.getByRole("button", { name: "Resume" }).click();
  await rollout.getByText("Generation 2: running").waitFor();
  await row("pve1", "held");
  // It asks once more before it touches a node that holds for a reason.
  await rollout.getByRole("button", { name: "apply on pve1 all the same" }).click();
  await rollout.getByRole("button", { name: "Yes, apply it" }).click();
  await row("pve1", "verified");
  await rollout.getByRole("button", { name: /^Abort/ }).click();
  await rollout.getByRole("button", { name: "No" }).click();
  await rollout.getByRole("button", { name: /^Abort/ }).click();
  await rollout.getByRole("button", { name: "Yes, abort it" }).click();
  await rollout.getByText("Generation 3: running").waitFor();
  await cluster.happens(...["pve1", "pve2", "pve3"].map((node) => `${node} path ${FIRST} 1 up`));
  await rollout.getByText("3 of 3 nodes done").waitFor({ timeout: 60_000 });

  // multipath does not understand a word of the next one.
  await page.getByRole("textbox", { name: "multipath-overrides.conf" }).fill("overrides {\n\tno_such_keyword 1\n}\n");
  await page.getByRole("region", { name: "Overrides" }).getByRole("button", { name: "Write" }).click();
  await page.getByText(/multipath-overrides\.conf written and not applied yet/).waitFor();
  await apply();
  await row("pve1", "rolled-back");
  await row("pve2", "waiting .* it is rolled-back on pve1");
  assert.match(await rollout.getByRole("row", { name: /^pve1 rolled-back/ }).innerText(), /multipath -t refuses it/);
  await page.done();
});

test("of two editors at two nodes the slower one sees both texts, loses nothing that was typed, and can have both", { skip }, async () => {
  const [one, other] = await Promise.all(cluster.members.slice(0, 2).map(async ({ url, token }) => {
    const page = await chrome.page(`${url}#/config`, { quiet: ["409"] });
    await page.locator('body[data-connection="live"]').waitFor();
    await login(page, token);
    return page;
  }));
  const in_ = (page, name) => page.getByRole("region", { name });
  const setting = async (page, name, value) => {
    await in_(page, "Settings").getByRole("button", { name: `change ${name}`, exact: true }).click();
    await in_(page, "Settings").getByRole("textbox", { name }).fill(value);
  };
  const write = (page, name) => in_(page, name).getByRole("button", { name: "Write" }).click();
  const conflict = (name) => in_(in_(one, name), "Conflict");
  const stands = (document) => cluster.get(`cluster/multipath/${document}`);

  // A setting: what the other one did to the rest of the document stays.
  await setting(one, "no-path-retry", "20");
  await in_(other, "Settings").getByRole("checkbox").check();
  for (const [name, value] of [["no-path-retry", "30"], ["fast-io-fail-tmo", "9"]]) {
    await setting(other, name, value);
    await write(other, "Settings");
    await in_(other, "Settings").getByRole("row", { name: new RegExp(`^${name}`) }).filter({ hasText: value }).getByRole("button", { name: `change ${name}` }).waitFor();
  }
  // What somebody types in stays through whatever is asked for meanwhile.
  await one.getByRole("row", { name: /^fast-io-fail-tmo/ }).waitFor();
  assert.equal(await in_(one, "Settings").getByRole("textbox", { name: "no-path-retry" }).inputValue(), "20");
  await write(one, "Settings");
  const differs = (text) => conflict("Settings").locator('tr[data-differs="yes"]').filter({ hasText: text });
  await differs(/\+\s+no-path-retry 30/).waitFor();
  await differs(/fast-io-fail-tmo 9/).waitFor();
  assert.match(await conflict("Settings").innerText(), /nothing of it is lost: no-path-retry 20/);
  assert.equal(await in_(one, "Settings").getByRole("textbox", { name: "no-path-retry" }).inputValue(), "20");
  assert.match((await stands("config")).config.text, /no-path-retry 30/);
  await conflict("Settings").getByRole("button", { name: "set it in what stands now" }).click();
  await in_(one, "Settings").getByText(/written; nothing is applied/).waitFor();
  const { text } = (await stands("config")).config;
  assert.match(text, /no-path-retry 20/);
  assert.match(text, /fast-io-fail-tmo 9/);

  // A text: both come together in the editor, and are written when somebody looked through it.
  const editor = (page) => page.getByRole("textbox", { name: "multipath-overrides.conf" });
  const both = async (mine, theirs) => {
    await editor(one).fill(mine);
    await editor(other).fill(theirs);
    await write(other, "Overrides");
    await in_(other, "Overrides").getByText(/written; nothing is applied/).waitFor();
    await write(one, "Overrides");
    await conflict("Overrides").waitFor();
    assert.equal(await editor(one).inputValue(), mine);
    assert.equal((await stands("overrides")).text, theirs);
  };
  await both("# of one\noverrides {\n\tno_such_keyword 1\n}\n", "overrides {\n\tfast_io_fail_tmo 10\n}\n# of the other\n");
  assert.match(await conflict("Overrides").innerText(), /− # of one[^]*\+ \tfast_io_fail_tmo 10/);
  await conflict("Overrides").getByRole("button", { name: "take theirs into mine" }).click();
  const together = "# of one\noverrides {\n\tfast_io_fail_tmo 10\n}\n# of the other\n";
  assert.equal(await editor(one).inputValue(), together);
  // Who looks elsewhere meanwhile finds it as it was.
  await one.getByRole("link", { name: "Overview" }).click();
  await one.getByRole("heading", { name: "Overview", level: 1 }).waitFor({ state: "attached" });
  await one.getByRole("link", { name: "Configuration" }).click();
  await one.getByText("What you typed before is still here").waitFor();
  assert.equal(await editor(one).inputValue(), together);
  await write(one, "Overrides");
  await in_(one, "Overrides").getByText(/written; nothing is applied/).waitFor();
  assert.equal((await stands("overrides")).text, together);
  // The other one typed nothing since, and gets it by itself.
  await other.waitForFunction((text) => document.querySelector("pk-config textarea").value === text, together);
  // The same line.
  await both(together.replace("10", "5"), together.replace("10", "15"));
  await conflict("Overrides").getByRole("button", { name: "take theirs into mine" }).click();
  await one.getByText("At 1 place both changed the same lines").waitFor();
  assert.equal(await editor(one).inputValue(), together.replace("10", "5\n# theirs: \tfast_io_fail_tmo 15"));
  // Somebody decides otherwise, and what stands is left.
  await in_(one, "Overrides").getByRole("button", { name: "Undo my changes" }).click();
  await one.waitForFunction((text) => document.querySelector("pk-config textarea").value === text, together.replace("10", "15"));
  await one.done();
  await other.done();
});

test("without the store the view is partial, and says so until it is whole again", { skip }, async () => {
  const page = await chrome.page(cluster.url, { quiet: ["503"] });
  await page.locator("#health").filter({ hasText: "lab HEALTH_" }).waitFor();
  await cluster.stopStore();
  await page.getByRole("alert").filter({ hasText: "THIS VIEW IS PARTIAL" }).waitFor({ timeout: 60_000 });
  await page.locator("#health").filter({ hasText: "lab PARTIAL since" }).waitFor();
  assert.equal(await page.getByText("Nothing is wrong.").isVisible(), false);
  // Nobody knows any more who is there, whatever the last reports said.
  await page.locator('.nodes:not(:has([data-health="well"]))').waitFor();
  await page.getByText("Mutes and windows are not known").waitFor();
  cluster.startStore();
  await page.getByRole("alert").filter({ hasText: "THIS VIEW IS PARTIAL" }).waitFor({ state: "detached", timeout: 60_000 });
  await page.locator("#health").filter({ hasText: "lab HEALTH_" }).waitFor();
  await page.done();
});

test("an agent that dies is missed within five seconds; the next one is asked by itself, and who was logged in is asked again", { skip }, async () => {
  const page = await chrome.page(`${cluster.url}#/matrix?unclean=0`, { quiet: AWAY });
  await page.getByRole("gridcell").first().waitFor();
  await login(page, cluster.token);
  await cluster.members[0].kill();
  const began = Date.now();
  await page.getByRole("alert").filter({ hasText: "NO CONNECTION since" }).waitFor();
  assert.ok(Date.now() - began < 5_000, `it took ${Date.now() - began} ms`);
  await cluster.members[0].start();
  await page.locator('body[data-connection="live"]').waitFor({ timeout: 60_000 });
  await page.getByRole("button", { name: "log in" }).waitFor();
  await page.done();
});

test("from elsewhere by TLS: nothing without a token, a cookie that is Secure, no forged write, and an end after a day's work", { skip: skip || (outside ? false : "no address beyond the loopback") }, async () => {
  const member = cluster.outside;
  const page = await chrome.page(member.url, { ignoreHTTPSErrors: true, quiet: ["401", ...AWAY] });
  const dialog = page.getByRole("dialog", { name: "Log in" });
  await dialog.waitFor();
  assert.equal(await page.locator("#health").innerText(), "log in to see anything");
  assert.equal(await page.locator(".cause, .nodes li").count(), 0);
  await dialog.getByLabel("API token").fill(member.token);
  await dialog.getByRole("button", { name: "Log in" }).click();
  await page.locator("#health").filter({ hasText: "lab HEALTH_" }).waitFor();
  const [cookie] = await page.context().cookies();
  assert.deepEqual([cookie.name, cookie.secure, cookie.httpOnly, cookie.sameSite], ["pathkeeper-session", true, true, "Strict"]);
  const forged = (headers) => page.evaluate(async (headers) => (await fetch("/api2/json/cluster/multipath/mutes", {
    method: "POST", body: JSON.stringify({ code: "LUN_DEGRADED", reason: "x" }), headers: { "content-type": "application/json", ...headers } })).status, headers);
  assert.deepEqual([await forged({}), await forged({ CSRFPreventionToken: "guessed" })], [401, 401]);
  assert.deepEqual((await cluster.get("cluster/multipath/mutes")).mutes, []);
  // The agent's clock goes on by thirteen hours; the session is over, and so is what the page hears.
  member.setClock(13 * 3600);
  await dialog.waitFor();
  await page.getByRole("alert").filter({ hasText: "LOGGED OUT since" }).waitFor();
  assert.match(await page.title(), /^\? logged out/);
  await dialog.getByLabel("API token").fill(member.token);
  await dialog.getByRole("button", { name: "Log in" }).click();
  await page.locator('body[data-connection="live"]').waitFor();
  await page.getByRole("alert").filter({ hasText: "LOGGED OUT" }).waitFor({ state: "hidden" });
  member.setClock(0);
  await page.done();
});
