// How the views of a cluster with faults are heard, walked through, printed and seen: by roles, by keyboard alone, on paper, in every
// light and on a small screen. Part of pages.test.mjs, whose cluster it shares.

import assert from "node:assert/strict";
import { test } from "node:test";
import { sameAsStored } from "./snapshots.mjs";
import { violations } from "./lib.mjs";

/**
 * The tests; what they look at is there once they run.
 * @param {() => {cluster: any, chrome: any, failed: any}} lab
 */
export function looks(lab) {
  /** Each view, and what is there once it is whole. */
  const views = () => {
    const { wwid } = lab().failed;
    return {
      overview: ["#/", ".events li"], wall: ["#/?wall=1", ".wall-clock .age"], matrix: ["#/matrix", "[role=gridcell]"],
      map: ["#/map", ".map-counts li"], cell: [`#/matrix?cell=${wwid}/pve3`, "pk-cell .paths"], lun: [`#/lun/${wwid}`, '[data-node-name="pve4"] .paths'],
      node: ["#/node/pve2", ".ports"], config: ["#/config", "pk-allow-list table"],
    };
  };
  const look = async (page, name) => {
    const [hash, whole] = views()[name];
    await page.goto(`${lab().cluster.url}${hash}`);
    await page.locator(whole).first().waitFor();
  };

  test("each view is heard as it is stored", async () => {
    const page = await lab().chrome.page(lab().cluster.url);
    for (const name of Object.keys(views())) {
      // From the beginning: what another view left open is no part of this one.
      await page.goto("about:blank");
      await look(page, name);
      await page.locator("#said:not(:empty)").waitFor({ state: "attached" });
      await sameAsStored(name, page.locator("body"));
    }
    await page.keyboard.press("Control+Home");
    await page.getByRole("button", { name: "log in" }).click();
    await sameAsStored("login", page.getByRole("dialog", { name: "Log in" }));
    await page.done();
  });

  /** Who has the focus, as it is heard: its name, and whether eyes can find it. */
  const focused = (page) => page.evaluate(() => {
    const at = document.activeElement;
    const { width, height } = at.getBoundingClientRect();
    const seen = getComputedStyle(at);
    const label = at.labels?.[0]?.textContent ?? at.getAttribute("aria-label") ?? at.textContent ?? at.getAttribute("title") ?? "";
    return { tag: at.tagName, name: label.replace(/\s+/g, " ").trim(), drawn: width > 0 && height > 0, outline: seen.outlineStyle !== "none" || at.matches("dialog, h1, main"), html: at.outerHTML.slice(0, 120) };
  });
  /** Goes on by Tab until this has the focus. */
  const tabTo = async (page, name) => {
    for (let n = 0; n < 120; n += 1) {
      await page.keyboard.press("Tab");
      const at = await focused(page);
      if (name.test(at.name)) return at;
    }
    assert.fail(`Tab does not lead to ${name}`);
  };

  test("every stop of the Tab key has a name and is seen, on each view", async () => {
    const page = await lab().chrome.page(lab().cluster.url);
    for (const name of Object.keys(views())) {
      await page.goto("about:blank");
      await look(page, name);
      const stops = new Set();
      for (let n = 0; n < 24; n += 1) {
        await page.keyboard.press("Tab");
        const at = await focused(page);
        if (at.tag === "BODY" || stops.has(at.html)) break;
        stops.add(at.html);
        assert.ok(at.name !== "" && at.drawn && at.outline, `${name}: ${JSON.stringify(at)}`);
      }
      assert.ok(stops.size >= 3, `${name} has ${stops.size} stops`);
    }
    await page.done();
  });

  test("a keyboard alone leads from a cause to its LUN, to another time, to a mute and out again", async () => {
    const { cluster, failed } = lab();
    const page = await lab().chrome.page(cluster.url);
    await page.locator(".cause").first().waitFor();
    await page.keyboard.press("Tab");
    assert.equal((await focused(page)).name, "Skip to content");
    await page.keyboard.press("Enter");
    await tabTo(page, /^evidence and what to do$/);
    await page.keyboard.press("Enter");
    await page.locator(".cause .details:not([hidden])").first().waitFor();
    await tabTo(page, /^the LUN$/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { level: 1, name: failed.name }).waitFor();
    // Who came by a link hears where they are.
    assert.match((await focused(page)).name, new RegExp(`^${failed.name}`));
    await page.keyboard.press("Shift+Tab");
    await page.keyboard.press("Shift+Tab");
    await page.goto(cluster.url);
    await page.locator(".cause").first().waitFor();
    await tabTo(page, /^log in$/);
    await page.keyboard.press("Enter");
    // Forms come when they are asked for, and take the focus then.
    await page.locator("[name=token]:focus").waitFor();
    await page.keyboard.type(cluster.token);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "log out" }).waitFor();
    await page.getByRole("dialog", { name: "Log in" }).waitFor({ state: "hidden" });
    await tabTo(page, /^mute…$/);
    await page.keyboard.press("Enter");
    await page.locator("[name=reason]:focus").waitFor();
    await page.keyboard.type("ticket 4711");
    await page.keyboard.press("Tab");
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("Enter");
    await tabTo(page, /^Mute$/);
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Mutes and windows" }).getByText("“ticket 4711”").waitFor();
    await tabTo(page, /^unmute$/);
    await page.keyboard.press("Enter");
    await page.getByRole("region", { name: "Mutes and windows" }).waitFor({ state: "hidden" });
    await page.done();
  });

  test("axe finds nothing: in light, dark and forced colours, on a phone, at 200 %", async () => {
    const page = await lab().chrome.page(lab().cluster.url);
    // Colours that are on their way to others are no colours of ours.
    const light = { media: { colorScheme: "light", forcedColors: "none", reducedMotion: "reduce" }, viewport: { width: 1280, height: 800 } };
    // Where a mode changes colours alone, colours alone are looked at.
    const modes = {
      dark: { ...light, media: { ...light.media, colorScheme: "dark" }, rules: ["color-contrast"] },
      forced: { ...light, media: { ...light.media, forcedColors: "active" }, only: ["overview", "matrix"] },
      phone: { ...light, viewport: { width: 360, height: 640 }, only: ["overview", "lun", "matrix"] },
      zoomed: { ...light, viewport: { width: 640, height: 400 }, only: ["overview", "lun"] },
      light,
    };
    for (const name of Object.keys(views())) {
      await look(page, name);
      for (const [mode, { media, viewport, rules, only }] of Object.entries(modes)) {
        if (only && !only.includes(name)) continue;
        await page.emulateMedia(media);
        await page.setViewportSize(viewport);
        assert.deepEqual(await violations(page, rules), [], `${mode} ${name}`);
        if (mode !== "phone" && mode !== "zoomed") continue;
        const wide = await page.evaluate(() => document.documentElement.scrollWidth);
        assert.ok(wide <= viewport.width, `${name} is ${wide} wide on ${viewport.width}`);
      }
    }
    await look(page, "matrix");
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Legend" }).waitFor();
    assert.deepEqual(await violations(page), [], "legend");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "log in" }).click();
    await page.getByRole("dialog", { name: "Log in" }).waitFor();
    assert.deepEqual(await violations(page), [], "login");
    await page.done();
  });

  test("with forced colours each state keeps its shape and its word, and who wants no motion has none", async () => {
    const page = await lab().chrome.page(`${lab().cluster.url}#/matrix`, { forcedColors: "active", reducedMotion: "reduce" });
    const cell = page.getByRole("gridcell", { name: new RegExp(`^${lab().failed.name} on pve3`) });
    await cell.waitFor();
    assert.match(await cell.evaluate((element) => getComputedStyle(element, "::before").content), /\u2716/);
    assert.match(await cell.innerText(), /0\/4/);
    const moving = () => page.evaluate(() => [...document.querySelectorAll("*")].filter((element) => {
      const { transitionDuration, animationName } = getComputedStyle(element);
      return transitionDuration !== "0s" || animationName !== "none";
    }).length);
    await look(page, "overview");
    assert.equal(await moving(), 0);
    await page.done();
  });

  test("on paper there is what was looked at, and nothing to press", async () => {
    const page = await lab().chrome.page(lab().cluster.url);
    const made = () => page.waitForFunction(() => document.querySelector("pk-grid").paper !== null);
    for (const name of ["matrix", "lun"]) {
      await look(page, name);
      await page.emulateMedia({ media: "print" });
      assert.equal(await page.locator("button:visible, input:visible, nav:visible").count(), 0, name);
      await page.locator("#health").filter({ hasText: "demo HEALTH_ERR" }).waitFor();
      const pdf = await page.pdf({ format: "A4", landscape: name === "matrix" });
      assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
      if (name === "matrix") {
        assert.match(await page.locator(".count").innerText(), /8 of 8 LUNs that are not optimal everywhere, 4 nodes/);
        await made();
        await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
        assert.equal(await page.locator(".paper tbody tr.lun:visible").count(), 8);
        assert.equal(await page.locator(".row:visible").count(), 0);
        await page.evaluate(() => dispatchEvent(new Event("afterprint")));
        assert.equal(await page.locator(".paper").count(), 0);
      }
      await page.emulateMedia({ media: "screen" });
    }
    await page.done();
  });

  test("on paper every LUN is told on every node, however many there are, and nothing is wider than the page", async () => {
    const { chrome, cluster } = lab();
    const status = await cluster.status();
    const optimal = { state: "optimal", "paths-active": 4, "paths-total": 4 };
    for (const [nodes, tables] of [[20, 3], [64, 1]]) {
      const names = Array.from({ length: nodes }, (_, n) => `pve${n + 1}`);
      // Each LUN is absent on one node, and is as it really is on the first four.
      const luns = status.luns.map((row, at) => ({ ...row, nodes: Object.fromEntries(names.filter((_, n) => n !== at + 4).map((name) => [name, row.nodes[name] ?? optimal])) }));
      const page = await chrome.page("about:blank", { quiet: ["Failed to load", "ERR_", "EventSource"] });
      await page.route(/\/events(\?|$)/, (route) => route.fulfill({ contentType: "text/event-stream", body: `event: snapshot\nid: 1-1\ndata: ${JSON.stringify({ ...status, luns })}\n\n` }));
      await page.goto(`${cluster.url}#/matrix?unclean=0`);
      await page.waitForFunction(() => document.querySelector("pk-grid")?.paper != null);
      // What a browser prints it asks for by this.
      await page.evaluate(() => addEventListener("afterprint", () => (globalThis.printed = true)));
      assert.match((await page.pdf({ format: "A4" })).toString("latin1"), /\/Type \/Page\b/);
      assert.equal(await page.evaluate(() => globalThis.printed), true);
      await page.emulateMedia({ media: "print" });
      await page.evaluate(() => dispatchEvent(new Event("beforeprint")));
      // Upright and across, in CSS' pixels.
      for (const width of [714, 1043]) {
        await page.setViewportSize({ width, height: 700 });
        const over = await page.locator(".paper").evaluate((paper) => [...paper.querySelectorAll("table, th, td, .cell, .state")].filter((part) => part.scrollWidth > part.clientWidth + 1).map((part) => part.outerHTML.slice(0, 120)));
        assert.deepEqual(over, [], `${nodes} nodes on ${width}`);
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width);
      }
      assert.equal(await page.locator(".paper table").count(), tables);
      const rows = await page.locator(".paper tbody tr.lun").evaluateAll((rows) => rows.map((row) => row.textContent));
      assert.equal(rows.length, tables * luns.length);
      if (nodes < 64) {
        const told = await page.locator(".paper .cell").evaluateAll((cells) => cells.map((cell) => `${cell.dataset.of} ${cell.dataset.node} ${cell.dataset.state}`));
        assert.deepEqual(told.sort(), luns.flatMap((row) => Object.entries(row.nodes).map(([node, cell]) => `${row.wwid} ${node} ${cell.state}`)).sort());
      } else {
        assert.ok((await page.locator(".paper thead").innerText()).includes(names.join(", ")));
        const at = luns.findIndex((row) => row["cluster-state"] === "failed");
        const of = rows.find((text) => text.includes(luns[at].name));
        assert.match(of, new RegExp(`degraded 2/4: pve2; failed 0/4 Q\\d+[smh]: pve3; optimal 4/4: all 61 others; not expected: pve${at + 5}$`));
      }
      await page.close();
    }
  });

  test("the wall board has causes, a clock, how old it is, and no way to change anything", async () => {
    const page = await lab().chrome.page(`${lab().cluster.url}#/?wall=1`);
    await page.locator(".cause").first().waitFor();
    assert.equal(await page.locator("#nav:visible, #tools:visible, .cause button:visible").count(), 0);
    await page.getByText(/heard \ds ago/).waitFor();
    lab().cluster.hold();
    try {
      await page.locator(".wall-clock").filter({ hasText: "no connection" }).waitFor();
    } finally {
      lab().cluster.release();
    }
    await page.locator(".wall-clock").filter({ hasText: /^\d\d:\d\d:\d\d/ }).waitFor();
    // What a held agent leaves in the browser's log is told by the browser, not by the page.
    await page.context().close();
  });
}
