// Each view of a cluster with faults in place: what it says, by keyboard and by roles, in every light and on a small screen.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { browser, demo } from "./lib.mjs";
import { looks } from "./looks.mjs";

const FAULTS = `
+1s pve2 adapter host7 down
+1s pve3 lun vm-prod-01 unmap
+1s pve1 path vm-prod-02 2 fail
+60m array heal
`;

let cluster, chrome, status, failed, hba, settledAt;
before(async () => {
  cluster = await demo({ script: FAULTS });
  chrome = await browser();
  status = await cluster.until((status) => {
    const codes = status.findings.map((finding) => finding.code);
    // One path on pve1 is left that no cause explains; everything on pve2 is explained.
    return codes.includes("HBA_DOWN") && codes.includes("LUN_UNMAPPED") && status.findings.filter((finding) => finding.code === "LUN_DEGRADED").length === 1;
  });
  settledAt = Math.floor(Date.now() / 1000);
  failed = status.luns.find((row) => row["cluster-state"] === "failed");
  hba = status.findings.find((finding) => finding.code === "HBA_DOWN");
});
after(async () => {
  await chrome?.close();
  await cluster?.stop();
});

test("the overview says what is wrong, where, since when and what to do", async () => {
  const page = await chrome.page(cluster.url);
  await page.locator("#health").filter({ hasText: "demo HEALTH_ERR" }).waitFor();
  const wrong = page.getByRole("region", { name: "What is wrong" });
  for (const finding of status.findings.filter((finding) => finding.severity !== "info")) {
    const card = wrong.locator(`[data-fingerprint="${finding.fingerprint}"]`);
    assert.match(await card.innerText(), /since \d\d:\d\d:\d\d \(/);
    assert.ok((await card.innerText()).includes(finding.summary.split(":")[0]));
  }
  const card = wrong.locator(`[data-fingerprint="${hba.fingerprint}"]`);
  assert.match(await card.innerText(), /8 LUNs, 16 paths/);
  await card.getByRole("button", { name: "evidence and what to do" }).click();
  await card.getByText(hba.evidence[0], { exact: true }).waitFor();
  assert.equal(await page.getByRole("region", { name: "Nodes" }).getByRole("listitem").count(), 4);
  await page.getByRole("region", { name: "Recent events" }).getByText("link down").first().waitFor();
  assert.match(await page.title(), /^demo HEALTH_ERR - Pathkeeper$/);
  assert.match(await page.locator("time").first().getAttribute("title"), /UTC$/);
  await page.done();
});

test("the matrix is a grid of real cells with one tab stop", async () => {
  const page = await chrome.page(`${cluster.url}#/matrix`);
  const grid = page.getByRole("grid", { name: "State of each LUN on each node" });
  await grid.getByRole("gridcell").first().waitFor();
  assert.equal(await grid.getAttribute("aria-colcount"), "5");
  assert.equal(await grid.getAttribute("aria-rowcount"), "9");
  assert.equal(await page.locator('.grid [tabindex="0"]').count(), 1);
  const snapshot = await grid.ariaSnapshot();
  assert.match(snapshot, /- columnheader "pve1"/);
  assert.ok(snapshot.includes(`gridcell "${failed.name} on pve3: failed, 0/4 paths`), snapshot);
  await page.done();
});

test("a keyboard alone leads to a cell, its paths, and back", async () => {
  const page = await chrome.page(`${cluster.url}#/matrix`);
  await page.getByRole("gridcell").first().waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");
  for (let n = 0; n < 60 && !(await page.evaluate(() => document.activeElement?.closest("[role=grid]") !== null && document.activeElement?.hasAttribute("data-column"))); n += 1) {
    await page.keyboard.press("Tab");
  }
  assert.match(await focused(), new RegExp(failed.name));
  // What is shown of a WWID is its end; what is copied is all of it.
  const copied = (mark) => page.evaluate((mark) => {
    const header = document.activeElement;
    getSelection().removeAllRanges();
    if (mark) getSelection().selectAllChildren(header.querySelector(".wwid"));
    const event = new ClipboardEvent("copy", { clipboardData: new DataTransfer(), bubbles: true, cancelable: true });
    header.dispatchEvent(event);
    return event.clipboardData.getData("text/plain");
  }, mark);
  assert.deepEqual([await copied(false), await copied(true)], [failed.wwid, failed.wwid]);
  await page.evaluate(() => getSelection().removeAllRanges());
  await page.keyboard.press("End");
  await page.keyboard.press("ArrowLeft");
  assert.match(await focused(), new RegExp(`^${failed.name} on pve3: failed`));
  await page.keyboard.press("Enter");
  const panel = page.getByRole("complementary", { name: "Cell" });
  await panel.getByText("status=enabled").first().waitFor();
  assert.match(page.url(), new RegExp(`cell=${failed.wwid}%2Fpve3`));
  assert.match(await panel.innerText(), /failed faulty running/);
  await page.keyboard.press("Escape");
  await panel.waitFor({ state: "hidden" });
  assert.match(await focused(), new RegExp(`^${failed.name} on pve3: failed`));
  await page.keyboard.press("Control+Home");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("ArrowRight");
  assert.match(await focused(), /^pve1/);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: /^pve1/, level: 1 }).waitFor();
  await page.done();
});

test("a cause lights what it explains and nothing else; what none explains stands out", async () => {
  const page = await chrome.page(`${cluster.url}#/matrix`);
  await page.getByRole("gridcell").first().waitFor();
  await page.locator(`.cause-lines [data-fingerprint="${hba.fingerprint}"]`).focus();
  const lit = await page.locator("[role=gridcell][data-lit]").evaluateAll((cells) => cells.map((cell) => `${cell.dataset.of} ${cell.dataset.node}`));
  const expected = status.luns.flatMap((row) => Object.entries(row.nodes).filter(([, cell]) => cell.causes?.includes(hba.fingerprint)).map(([node]) => `${row.wwid} ${node}`));
  assert.deepEqual(lit.sort(), expected.sort());
  assert.ok(expected.length > 0);
  const alone = await page.locator("[role=gridcell][data-unexplained]").evaluateAll((cells) => cells.map((cell) => cell.getAttribute("aria-label")));
  assert.equal(alone.length, 1);
  assert.match(alone[0], /^vm-prod-02 on pve1: degraded, 3\/4 paths/);
  await page.done();
});

test("the filter is in the address, in the API's words, and counts what it hides", async () => {
  const page = await chrome.page(`${cluster.url}#/matrix`);
  await page.getByRole("gridcell").first().waitFor();
  await page.getByRole("searchbox", { name: "name" }).fill("vm-prod-02");
  await page.getByText("1 of 8 LUNs, 4 nodes").waitFor();
  assert.match(page.url(), /#\/matrix\?name=vm-prod-02$/);
  await page.getByRole("searchbox", { name: "name" }).fill("");
  await page.getByRole("checkbox", { name: "failed" }).check();
  await page.getByText("1 of 8 LUNs").waitFor();
  assert.match(page.url(), /state=failed/);
  await page.goto(`${cluster.url}#/matrix?name=nothing-of-this-name`);
  await page.getByText("none of 8 LUNs matches this filter").waitFor();
  await page.goto(`${cluster.url}#/matrix?colour=size`);
  await page.locator('[data-tint="plain"]').first().waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Legend" }).getByText("no listed cause explains it").waitFor();
  await page.done();
});

test("the map shows the whole, by keyboard and in words, and leads to a cell", async () => {
  const page = await chrome.page(`${cluster.url}#/map`);
  const map = page.getByRole("grid", { name: "Map of the state of each LUN on each node" });
  await page.locator(".map-counts li").first().waitFor();
  assert.deepEqual([await map.getAttribute("aria-rowcount"), await map.getAttribute("aria-colcount")], ["8", "4"]);
  // As many cells of each state as the status has.
  const cells = status.luns.flatMap((row) => Object.values(row.nodes).map((cell) => cell.state));
  for (const state of ["failed", "degraded", "optimal"]) {
    assert.equal((await page.locator(".map-counts li", { hasText: state }).innerText()).trim(), `${cells.filter((of) => of === state).length} ${state}`);
  }
  await page.getByRole("searchbox", { name: "name" }).fill("vm-prod-01");
  await page.waitForFunction(() => document.querySelector(".map-box").ariaRowCount === "1");
  assert.equal(await page.getByText("matches this filter").isVisible(), false);
  await map.focus();
  await page.keyboard.press("Control+Home");
  const cursor = page.getByRole("gridcell");
  for (const [key, words] of [["ArrowRight", /^vm-prod-01 on pve2: degraded, explained by a cause$/], ["ArrowRight", /^vm-prod-01 on pve3: failed/], ["ArrowLeft", /on pve2/], ["End", /on pve4: optimal$/], ["ArrowLeft", /on pve3/]]) {
    await page.keyboard.press(key);
    await page.waitForFunction((words) => new RegExp(words).test(document.querySelector(".map-cell").ariaLabel), words.source);
  }
  assert.equal(await page.locator(".map-line").innerText(), await cursor.getAttribute("aria-label"));
  assert.equal(await cursor.getAttribute("aria-colindex"), "3");
  assert.equal(await map.getAttribute("aria-activedescendant"), await cursor.getAttribute("id"));
  // The colours of two blocks, as they are on the screen.
  const colour = () => page.evaluate(() => {
    const canvas = document.querySelector(".map-sheet canvas");
    const at = (column) => [...canvas.getContext("2d").getImageData(column * 40 + 18, 11, 1, 1).data].join();
    return [at(0), at(2), at(3)];
  });
  const [well, failed_, other] = await colour();
  assert.equal(well, other);
  assert.notEqual(well, failed_);
  // A cause dims what it does not explain, and filters have the matrix's words.
  await page.getByRole("combobox", { name: "light" }).selectOption(hba.fingerprint);
  await page.waitForFunction((before) => {
    const data = document.querySelector(".map-sheet canvas").getContext("2d").getImageData(2 * 40 + 18, 11, 1, 1).data;
    return [...data].join() !== before;
  }, failed_);
  await page.keyboard.press("Escape");
  await page.getByRole("checkbox", { name: "failed" }).check();
  await page.waitForFunction(() => document.querySelector(".map-box").ariaRowCount === "1");
  assert.match(page.url(), /#\/map\?state=failed&name=vm-prod-01&cause=HBA_DOWN/);
  await page.getByRole("searchbox", { name: "name" }).fill("no such LUN");
  await page.getByText("none of 8 LUNs matches this filter").waitFor();
  await page.goto(`${cluster.url}#/map`);
  await page.waitForFunction(() => document.querySelector(".map-box").ariaRowCount === "8");
  await map.focus();
  for (const key of ["Control+Home", "ArrowRight", "ArrowRight"]) await page.keyboard.press(key);
  const words = () => page.locator(".map-line").innerText();
  for (let n = 0; n < 8 && !(await words()).startsWith(`${failed.name} on pve3: failed`); n += 1) {
    const before = await words();
    await page.keyboard.press("ArrowDown");
    await page.waitForFunction((before) => document.querySelector(".map-line").textContent !== before, before);
  }
  await page.keyboard.press("Enter");
  await page.getByRole("complementary", { name: "Cell" }).getByText("failed faulty running").first().waitFor();
  assert.match(page.url(), new RegExp(`#/matrix.*cell=${failed.wwid}%2Fpve3`));
  await page.done();
});

test("a map of very many is drawn in blocks, each cell on demand, in the dark and with forced colours", async () => {
  const [rows, columns] = [3_000, 200];
  const bytes = Buffer.alloc(40 + rows + rows * columns, 1);
  bytes.write("PKMP", 0, "latin1");
  bytes.writeUInt16LE(1, 4);
  bytes.writeUInt16LE(40, 6);
  bytes.writeBigUInt64LE(1n, 8);
  bytes.writeBigUInt64LE(1n, 16);
  bytes.writeBigUInt64LE(2n, 24);
  bytes.writeUInt32LE(rows, 32);
  bytes.writeUInt32LE(columns, 36);
  bytes[40 + rows + 2_000 * columns + 150] = 4 | 0x40;
  const evil = '"><img src=x onerror=globalThis.hit=1>';
  const names = { names: "0000000000000002", columns: Array.from({ length: columns }, (_, n) => `n${String(n).padStart(3, "0")}`),
    rows: Array.from({ length: rows }, (_, n) => ({ wwid: `w${String(n).padStart(5, "0")}`, alias: `lun-${n}${n === 2_000 ? evil : ""}`, "used-by": n < 10 ? evil : undefined })) };
  const changed = Buffer.concat([Buffer.from([4]), bytes.subarray(40 + rows + 2_000 * columns, 40 + rows + 2_001 * columns)]);
  changed[1] = 5;
  const told = { ...status, luns: [], summary: { ...status.summary, luns: rows } };
  const id = (revision) => `id: 0000000000000001-${revision}`;
  // The stream knows more than the map that was asked for at the same time: the newer is put on top.
  const stream = `event: snapshot\n${id(1)}\ndata: ${JSON.stringify(told)}\n\nevent: delta\n${id(2)}\ndata: ${JSON.stringify({ map: { names: names.names, rows: { w02000: changed.toString("base64") } } })}\n\n`;
  for (const look of [{ colorScheme: "dark" }, { forcedColors: "active" }]) {
    const page = await chrome.page("about:blank", { quiet: ["Failed to load", "ERR_", "EventSource"], ...look });
    await page.route(/\/events(\?|$)/, (route) => route.fulfill({ contentType: "text/event-stream", body: stream }));
    const broken = [];
    page.on("pageerror", (error) => broken.push(error.stack));
    let asked = 0;
    await page.route("**/multipath/map**", (route) => (asked += 1) <= 2 && look.forcedColors
      ? route.fulfill({ status: 503, contentType: "application/json", body: JSON.stringify({ data: null, message: `busy: ${evil}` }) })
      : route.request().url().endsWith("/names") ? route.fulfill({ contentType: "application/json", body: JSON.stringify({ data: names }) })
      : route.fulfill({ contentType: "application/octet-stream", body: bytes }));
    await page.goto(`${cluster.url}#/map?name=lun-2000`);
    if (look.forcedColors) await page.getByText(`the map is not known: busy: ${evil}`).waitFor();
    await page.locator(".map-line").filter({ hasText: `lun-2000${evil}` }).waitFor();
    const map = page.getByRole("grid");
    assert.equal(await map.getAttribute("aria-rowcount"), "1");
    await map.focus();
    await page.keyboard.press("Home");
    await page.waitForFunction(() => / on n000: unknown/.test(document.querySelector(".map-cell").ariaLabel));
    await page.goto(`${cluster.url}#/map`);
    await page.waitForFunction(() => document.querySelector(".map-box").ariaRowCount === "3000");
    // One cell of 600,000 is seen in its block.
    await page.locator(".map-counts li", { hasText: /^ ?1 failed$/ }).waitFor();
    await page.getByText(/each block of \d+ × \d+ cells, by the worst in it/).waitFor();
    const found = await page.evaluate(() => {
      const canvas = document.querySelector(".map-sheet canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const counts = new Map();
      for (let n = 0; n < data.length; n += 4) {
        const key = `${data[n]},${data[n + 1]},${data[n + 2]}`;
        counts.set(key, (counts.get(key) ?? 0) + 1);
      }
      return [...counts.values()].sort((a, b) => b - a);
    });
    assert.ok(found.length >= 3, `well, failed and unknown have colours of their own: ${found}`);
    assert.equal(await page.evaluate(() => globalThis.hit), undefined);
    assert.equal(await page.locator("img, main script").count(), 0);
    if (look.forcedColors) {
      assert.deepEqual(broken, []);
      await page.close();
      continue;
    }
    await map.focus();
    await page.keyboard.press("+");
    await page.waitForFunction(() => document.querySelector(".map-sheet").clientHeight === 36_000);
    await page.keyboard.press("Control+End");
    await page.waitForFunction(() => / on n199: optimal/.test(document.querySelector(".map-cell").ariaLabel));
    assert.ok(await page.evaluate(() => document.querySelector(".map-box").scrollTop) > 30_000);
    assert.deepEqual(broken, []);
    await page.close();
  }
});

test("guests stand beside the LUN that they need, and nothing is said where nobody tells", async () => {
  const evil = "<img src=x onerror=globalThis.hit=1>";
  const guest = (id, more) => ({ id, kind: "vm", node: "pve1", ha: false, storages: [], luns: [], ...more });
  const page = await chrome.page("about:blank");
  let told = { known: true, luns: { [failed.wwid]: ["store"] }, guests: [guest(101, { name: evil, storages: ["store"], ha: true }), guest(102, { luns: [failed.wwid] })] };
  await page.route("**/multipath/guests", (route) => route.fulfill({ contentType: "application/json", body: JSON.stringify({ data: told }) }));
  await page.goto(`${cluster.url}#/matrix`);
  const counted = page.locator(`.name[data-wwid="${failed.wwid}"] .guests`);
  await counted.filter({ hasText: "2 guests" }).waitFor();
  assert.equal(await counted.getAttribute("title"), `VM 101 ${evil} on pve1, HA, VM 102 on pve1`);
  assert.equal(await page.locator(".grid .guests").count(), 1);
  await page.goto(`${cluster.url}#/lun/${failed.wwid}`);
  // The matrix, which says so too, may still be there for a moment.
  await page.locator("details.guests-of summary", { hasText: "2 guests" }).click();
  await page.getByText(`VM 101 ${evil} on pve1, HA`).waitFor();
  assert.deepEqual([await page.evaluate(() => globalThis.hit), await page.locator("main img").count()], [undefined, 0]);
  told = { known: false, luns: {}, guests: [] };
  await page.goto("about:blank");
  await page.goto(`${cluster.url}#/lun/${failed.wwid}`);
  await page.getByRole("region", { name: "Paths" }).getByText("failed faulty running").first().waitFor();
  assert.equal(await page.getByText(/guest/).count(), 0);
  await page.close();
});

test("CSV holds the rows that are shown", async () => {
  const page = await chrome.page(`${cluster.url}#/matrix?state=failed`);
  await page.getByRole("gridcell").first().waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "CSV" }).click()]);
  const chunks = [];
  for await (const chunk of await file.createReadStream()) chunks.push(chunk);
  const lines = Buffer.concat(chunks).toString().trim().split("\r\n");
  assert.equal(lines.length, 2);
  assert.ok(lines[1].startsWith(failed.wwid) && lines[1].includes("failed 0 of 4"), lines[1]);
  await page.done();
});

test("a LUN shows its paths in multipath's words, and a link lands on it", async () => {
  const page = await chrome.page(`${cluster.url}#/lun/${failed.wwid}`);
  await page.getByRole("heading", { level: 1, name: failed.name }).waitFor();
  const paths = page.getByRole("region", { name: "Paths" });
  await paths.getByText("failed faulty running").first().waitFor();
  assert.match(await paths.locator('[data-node-name="pve3"]').innerText(), /policy='service-time 0'/);
  await page.getByRole("region", { name: "Explained" }).getByText("DO NOT", { exact: true }).waitFor();
  await page.getByRole("region", { name: "Timeline" }).getByText("failed 0/4").first().waitFor();
  await page.done();
});

test("a node shows usable paths by pair of ports, and says whether it may be rebooted", async () => {
  const page = await chrome.page(`${cluster.url}#/node/pve2`);
  const ports = page.getByRole("region", { name: "Ports" });
  await ports.getByText("0/8").first().waitFor();
  assert.equal(await ports.getByText("8/8").count(), 2);
  await page.getByRole("button", { name: "take host6 offline?" }).click();
  const can = page.locator(".can-verdict");
  await can.waitFor();
  assert.match(await can.innerText(), /^NO to take host6 offline/);
  await page.done();
});

test("who waits for the rows of the matrix is told so, and led to the map; colour by controller says over which one I/O runs", async () => {
  const page = await chrome.page(cluster.url);
  let held;
  await page.goto("about:blank");
  await page.route(/\/events(\?|$)/, (route) => (held = route));
  await page.goto(`${cluster.url}#/matrix?unclean=0&colour=controller`, { waitUntil: "commit" });
  await page.getByText("Rows are on their way").waitFor();
  assert.equal(await page.getByRole("link", { name: "the map" }).getAttribute("href"), "#/map");
  await held.continue();
  await page.getByRole("gridcell", { name: new RegExp(`^${failed.name} on pve1: optimal, 4/4 paths; I/O over port \\d\\d\\+\\d\\d \\(.*\\), the preferred one$`) }).waitFor();
  assert.equal(await page.getByText("Rows are on their way").isVisible(), false);
  // Without the adapter one port less is reached; that is no other controller.
  const pve2 = page.getByRole("gridcell", { name: new RegExp(`^${failed.name} on pve2: degraded`) });
  assert.match(await pve2.getAttribute("aria-label"), /; I\/O over port \d\d \(.*\), the preferred one$/);
  assert.equal(await pve2.getAttribute("data-tint"), "plain");
  assert.equal(await page.getByRole("gridcell", { name: new RegExp(`^${failed.name} on pve3: failed`) }).getAttribute("data-tint"), "odd");
  await page.done();
});

test("another time is said to be another time", async () => {
  const page = await chrome.page(`${cluster.url}#/?at=${settledAt}`);
  await page.getByText(/AS IT WAS at/).waitFor();
  await page.locator(`[data-fingerprint="${hba.fingerprint}"]`).waitFor();
  assert.equal(await page.getByRole("region", { name: "Recent events" }).isVisible(), false);
  await page.getByRole("link", { name: "back to now" }).click();
  await page.getByText(/AS IT WAS at/).waitFor({ state: "detached" });
  // Of a time when nobody looked nothing is known, and nothing looks well.
  await page.goto(`${cluster.url}#/matrix?at=1000`);
  await page.getByText(/AS IT WAS at/).waitFor();
  await page.locator("#health").filter({ hasNotText: "HEALTH_" }).waitFor();
  assert.equal(await page.locator('[role=gridcell][data-state="optimal"]').count(), 0);
  await page.done();
});

test("a partial view cannot be missed, and what it cannot see is not well", async () => {
  const dark = (row) => ({ ...row, "cluster-state": "unknown", nodes: Object.fromEntries(Object.keys(row.nodes).map((node) => [node, { state: "unknown" }])) });
  const partial = {
    ...status, luns: status.luns.map(dark), findings: [],
    view: { ...status.view, partial: true, why: "NO QUORUM", since: settledAt, "nodes-fresh": 1 },
    summary: { ...status.summary, health: "PARTIAL", clean: 0, optimal: 0, degraded: 0, failed: 0, unknown: status.luns.length },
  };
  const page = await chrome.page("about:blank", { quiet: ["Failed to load", "ERR_", "EventSource"] });
  await page.route(/\/events(\?|$)/, (route) => route.fulfill({ contentType: "text/event-stream", body: `event: snapshot\nid: 1-1\ndata: ${JSON.stringify(partial)}\n\n` }));
  await page.goto(cluster.url);
  await page.getByRole("alert").filter({ hasText: "THIS VIEW IS PARTIAL" }).waitFor();
  assert.match(await page.locator("#health").innerText(), /^demo PARTIAL since/);
  assert.equal(await page.getByText("Nothing is wrong.").isVisible(), false);
  await page.goto(`${cluster.url}#/matrix`);
  await page.getByRole("gridcell").first().waitFor();
  assert.equal(await page.locator('[role=gridcell]:not([data-state="unknown"])').count(), 0);
  await page.close();
});

test("strings from outside are text", async () => {
  const evil = '"><img src=x onerror=globalThis.hit=1><script>globalThis.hit=1</script>';
  const row = { ...failed, alias: `lun${evil}`, "used-by": `store${evil}`, "expected-by": evil };
  const hostile = {
    ...status, luns: [row, ...status.luns.filter((other) => other.wwid !== row.wwid)],
    view: { ...status.view, cluster: `c${evil}`, observer: evil },
    findings: [{ ...hba, summary: evil, evidence: [evil], advice: [evil], scope: { node: evil } }],
  };
  const open = await chrome.page("about:blank", { quiet: ["Failed to load", "ERR_", "EventSource"] });
  await open.route(/\/events(\?|$)/, (route) => route.fulfill({ contentType: "text/event-stream", body: `event: snapshot\nid: 1-1\ndata: ${JSON.stringify(hostile)}\n\n` }));
  for (const hash of ["#/", "#/matrix?unclean=0", `#/matrix?cell=${row.wwid}/pve3`, `#/lun/${row.wwid}`, `#/node/${encodeURIComponent(evil)}`]) {
    await open.goto("about:blank");
    await open.goto(`${cluster.url}${hash}`);
    await open.getByText("<img src=x").first().waitFor({ state: "attached" });
    assert.equal(await open.evaluate(() => globalThis.hit), undefined);
    assert.equal(await open.locator("img, main script").count(), 0);
  }
});

test("what cannot be drawn is said, and what was drawn before does not look live", async () => {
  const page = await chrome.page("about:blank", { quiet: ["Failed to load", "ERR_", "EventSource"] });
  const { findings, ...headless } = status;
  const { view, ...viewless } = status;
  for (const [told, words] of [[headless, /THIS VIEW CANNOT SHOW/], [viewless, /THIS PAGE CANNOT SHOW/]]) {
    await page.goto("about:blank");
    await page.unrouteAll();
    await page.route(/\/events(\?|$)/, (route) => route.fulfill({ contentType: "text/event-stream", body: `event: snapshot\nid: 1-1\ndata: ${JSON.stringify(told)}\n\n` }));
    await page.goto(cluster.url);
    await page.getByRole("alert").filter({ hasText: words }).first().waitFor();
  }
  await page.close();
});

test("what somebody fills in is not taken from them by news", async () => {
  const page = await chrome.page(cluster.url);
  const told = await page.evaluate(async () => {
    const { h, keep } = await import("/ui/h.js");
    const list = document.body.appendChild(h("ul"));
    const show = (sig) => keep(list, [{ key: "a", sig, make: () => h("li", {}, h("p", {}, sig), h("input", { "data-focus": "input" })) }]);
    show("one");
    const first = list.querySelector("input");
    first.focus();
    show("two");
    const focus = document.activeElement === list.querySelector("input") && first !== document.activeElement;
    list.querySelector("li").append(h("form", { "data-typing": true }));
    show("three");
    const held = list.textContent;
    list.querySelector("form").remove();
    show("three");
    const after = list.textContent;
    list.remove();
    return { focus, held, after };
  });
  assert.deepEqual(told, { focus: true, held: "two", after: "three" });
  await page.done();
});

looks(() => ({ cluster, chrome, failed }));
