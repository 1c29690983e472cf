import assert from "node:assert/strict";
import { test } from "node:test";
import { controllers } from "../../../crates/pathkeeper/ui/model/controllers.js";
import { merged, pairs } from "../../../crates/pathkeeper/ui/model/diff.js";
import { folded } from "../../../crates/pathkeeper/ui/model/events.js";
import { colons, portGrid, portName } from "../../../crates/pathkeeper/ui/model/paths.js";
import { mostly, TINTS } from "../../../crates/pathkeeper/ui/model/tint.js";
import { inWords } from "../../../crates/pathkeeper/ui/elements/paper.js";
import { fabrics } from "../../../crates/pathkeeper/ui/model/fabrics.js";
import { moved, visible } from "../../../crates/pathkeeper/ui/model/window.js";

test("what is on the screen, and a little more", () => {
  assert.deepEqual(visible(0, 260, 26, 1000), { first: 0, end: 12 });
  assert.deepEqual(visible(2600, 260, 26, 1000), { first: 98, end: 112 });
  assert.deepEqual(visible(2600, 260, 26, 1000, 4), { first: 96, end: 112 });
  assert.deepEqual(visible(2690, 260, 26, 1000, 4), { first: 100, end: 116 });
  assert.deepEqual(visible(99_999, 260, 26, 10), { first: 10, end: 10 });
  assert.deepEqual(visible(0, 260, 26, 0), { first: 0, end: 0 });
});

test("keys lead on and stop at the edge", () => {
  const grid = { rows: 100, columns: 5, page: 10 };
  const check = (key, from, to, ctrlKey = false) => assert.deepEqual(moved({ row: from[0], column: from[1] }, { key, ctrlKey }, grid), to && { row: to[0], column: to[1] }, key);
  check("ArrowDown", [0, 0], [1, 0]);
  check("ArrowUp", [0, 0], [-1, 0]);
  check("ArrowUp", [-1, 0], [-1, 0]);
  check("ArrowLeft", [0, 0], [0, -1]);
  check("ArrowRight", [0, 4], [0, 4]);
  check("PageDown", [95, 2], [99, 2]);
  check("Home", [9, 3], [9, -1]);
  check("Home", [9, 3], [0, -1], true);
  check("End", [9, 3], [9, 4]);
  check("End", [9, 3], [99, 4], true);
  check("x", [9, 3], null);
});

test("texts beside each other", () => {
  assert.deepEqual(pairs("a\nb\nd", "a\nc\nd"), [
    { left: "a", right: "a" }, { left: "b", right: null }, { left: null, right: "c" }, { left: "d", right: "d" }]);
  assert.deepEqual(pairs("", "a"), [{ left: "", right: null }, { left: null, right: "a" }]);
});

test("what two made of a text comes together, and where both changed the same nothing of either is lost", () => {
  const check = (base, mine, theirs, text, clashes) => assert.deepEqual(merged(base, mine, theirs), { text, clashes });
  check("a\nb\nc\n", "x\na\nb\nc\n", "a\nb\nd\n", "x\na\nb\nd\n", 0);
  check("a\nb\nc\n", "a\nb\nc\n", "a\nc\n", "a\nc\n", 0);
  check("a\nb\nc\n", "a\nc\n", "a\nb\nc\n", "a\nc\n", 0);
  check("a\nb\n", "a\nx\n", "a\ny\n", "a\nx\n# theirs: y\n", 1);
  check("a\nb\n", "a\nx\n", "a\nx\n", "a\nx\n", 0);
  check("a\nb\n", "a\nx\n", "a\n", "a\nx\n# theirs: no line here\n", 1);
  check("", "mine\n", "theirs\n", "mine\n# theirs: theirs\n", 1);
  const long = Array.from({ length: 2_100 }, (_, n) => `line ${n}`).join("\n");
  const of = merged(long, `${long}\nmine`, `theirs\n${long}`);
  assert.ok(of.clashes === 1 && of.text.startsWith(`${long}\nmine\n# theirs: theirs`));
});

test("many events of one kind at one time are one line", () => {
  const event = (id, at, wwid, more = {}) => ({ id, at, kind: "cell", what: "changed", text: "degraded 2/4", scope: { wwid, node: "n1" }, ...more });
  const all = folded([event(1, 10, "a"), event(2, 10, "b"), event(3, 11, "c", { text: "failed 0/4" }), event(4, 99, "d")]);
  assert.deepEqual(all.map((fold) => [fold.event.id, fold.more.length]), [[4, 0], [3, 0], [2, 1]]);
});

test("ports as people write them, and paths by pair", () => {
  assert.equal(colons("0x200100a098025cc1"), "20:01:00:a0:98:02:5c:c1");
  assert.equal(colons("iqn.2026-01.x:y"), "iqn.2026-01.x:y");
  assert.equal(portName("0x200100a098025cc1", { ports: { "20:01:00:a0:98:02:5c:c1": { name: "ctl1-0e" } } }), "ctl1-0e");
  const path = (adapter, port, usable) => ({ adapter, "target-port": port, usable });
  const grid = portGrid({ adapters: [{ name: "host7" }, { name: "host9" }], maps: [
    { "paths-total": 2, "paths-expected": 4, groups: [{ paths: [path("host7", "p1", true), path("host7", "p1", false)] }] }] });
  assert.deepEqual([grid.rows, grid.columns, grid.absent], [["host7", "host9"], ["p1"], 2]);
  assert.deepEqual(grid.at("host7", "p1"), { usable: 1, expected: 2 });
  assert.equal(grid.at("host9", "p1"), null);
});

test("a size that differs from the others stands out; one that is not known does not look well", () => {
  const row = { wwid: "w", nodes: { a: { state: "optimal" }, b: { state: "optimal" }, c: { state: "optimal" } } };
  const luns = new Map([["w", { nodes: { a: { size: 1024 }, b: { size: 1024 }, c: { size: 2048 } } }]]);
  assert.equal(mostly([1, 2, 2, null]), 2);
  assert.equal(TINTS.size.look(row, "c", { luns }).tint, "odd");
  assert.equal(TINTS.size.look(row, "a", { luns }).tint, "plain");
  assert.equal(TINTS.size.look(row, "a", { luns: null }).text, "?");
  assert.equal(TINTS.queueing.look({ nodes: { a: { state: "unknown" } } }, "a", {}).text, "?");
  assert.equal(TINTS.queueing.look({ nodes: { a: { state: "failed", queueing: true } } }, "a", {}).tint, "odd");
});

test("a fabric that a node lost stands out, also where the adapter no longer names it", () => {
  const path = (adapter, port, usable) => ({ adapter, "target-port": port, usable });
  const disks = (node, fabric, usable) => ({
    node, detail: "published", believed: true, adapters: [{ name: "host6", fabric: "0x10000000000000aa" }, { name: "host7", fabric }],
    maps: [{ wwid: "w", groups: [{ paths: [path("host6", "p1", true), path("host7", "p2", usable)] }] }],
  });
  const row = { wwid: "w", nodes: { a: { state: "optimal" }, b: { state: "degraded" }, c: { state: "optimal" } } };
  const of = fabrics([disks("a", "0x10000000000000bb", true), disks("b", "0xffffffffffffffff", false), { ...disks("c", null, true), believed: false }], null);
  assert.deepEqual(of.all, ["10:00:00:00:00:00:00:aa", "10:00:00:00:00:00:00:bb"]);
  const look = (node) => TINTS.fabric.look(row, node, { fabrics: of });
  assert.deepEqual([look("a").text, look("a").tint], ["1+1", "plain"]);
  assert.deepEqual([look("b").text, look("b").tint], ["1+0", "odd"]);
  assert.equal(look("c").text, "?");
  assert.equal(TINTS.fabric.look(row, "a", { fabrics: null }).text, "?");
  const named = fabrics([disks("a", null, true)], { ports: { p1: { fabric: "A" }, p2: { fabric: "B" } } });
  assert.deepEqual(named.all, ["A", "B"]);
});

test("I/O over another controller than the preferred one stands out, and so does a node that uses another one than the others", () => {
  const path = (port, access, usable = true) => ({ "target-port": port, usable, ...(access ? { "access-state": access } : {}) });
  const [good, poor] = [[path("p1", "optimized"), path("p2", "optimized")], [path("p3", "non-optimized"), path("p4", "non-optimized")]];
  const group = (status, prio, paths) => ({ status, prio, paths });
  const lost = (paths) => paths.map((of) => ({ ...of, usable: false }));
  const disks = (node, groups, more = {}) => ({ node, detail: "published", believed: true, source: "multipathd", adapters: [], maps: [{ wwid: "w", groups }], ...more });
  const names = { ports: { p1: { controller: "A" }, p2: { controller: "A" }, p3: { controller: "B" }, p4: { controller: "B" } } };
  const state = (node) => (node === "gone" ? "missing" : node === "dark" ? "unknown" : "optimal");
  const row = { wwid: "w", nodes: Object.fromEntries(["a", "b", "c", "d", "e", "f", "gone", "dark"].map((node) => [node, { state: state(node) }])) };
  const all = [
    disks("a", [group("active", 50, good), group("enabled", 10, poor)]),
    disks("b", [group("enabled", 50, good), group("enabled", 10, poor)]),
    disks("c", [group("enabled", 50, good), group("active", 10, poor)]),
    disks("d", [group("enabled", 0, lost(good)), group("active", 10, poor)]),
    disks("e", [group("enabled", 0, lost(good)), group("enabled", 0, lost(poor))]),
    disks("f", [group("active", 50, good)], { believed: false }),
    disks("g", [group("unknown", -1, lost(good))], { source: "kernel" }),
  ];
  const of = controllers(all, names);
  const look = (node, beside = of) => TINTS.controller.look(row, node, { controllers: beside });
  const check = (node, text, tint, words) => {
    assert.deepEqual([look(node).text, look(node).tint], [text, tint], node);
    assert.match(look(node).words, words);
  };
  check("a", "A", "plain", /^I\/O over A \(p1, p2\), the preferred one$/);
  check("b", "A", "plain", /the preferred one/);
  check("c", "! B", "odd", /^I\/O over B \(p3, p4\), NOT the preferred one.*, other nodes use A/);
  check("d", "! B", "odd", /no path to the preferred one is usable/);
  check("e", "ok", "odd", /no usable path/);
  check("f", "?", "plain", /not known/);
  check("dark", "?", "plain", /not known/);
  check("gone", "none", "odd", /no map/);
  assert.equal(look("a", null).text, "?");
  assert.equal(of.on.has("g"), false);
  assert.equal(look("x"), null);
  // Without ALUA multipath's ranks say it; without names the target port group, else the port.
  const plain = (groups) => controllers([disks("a", groups)], null).on.get("a").get("w");
  assert.deepEqual(plain([group("enabled", 4, [path("p1")]), group("active", 1, [path("p3")])]), { names: ["port p3"], ports: ["p3"], how: "other", lost: false });
  assert.deepEqual(plain([group("active", 50, [{ ...path("p1", "optimized"), "port-group": 2 }])]).names, ["TPG 2"]);
  // Ports are told apart by what differs; a node with one of two uses no other controller than those with both.
  const [one, two, three] = ["0x200100a098025cc1", "0x200300a098025cc1", "0x200200a098025cc1"].map((port) => path(port, "optimized"));
  const three_ = [disks("a", [group("active", 50, [one, two]), group("enabled", 10, [path("0x200200a098025cc1", "non-optimized")])]), disks("b", [group("active", 50, [one, { ...two, usable: false }])]), disks("c", [group("active", 50, [three])])];
  const short = controllers(three_, null);
  const texts = ["a", "b", "c"].map((node) => TINTS.controller.look(row, node, { controllers: short }));
  assert.deepEqual(texts.map(({ text }) => text), ["01+03", "01", "! 02"]);
  assert.match(texts[2].words, /other nodes use port 01\+port 03/);
  // One group over both controllers: each is as good.
  assert.deepEqual(controllers([disks("a", [group("active", 1, [path("p1"), path("p3")])])], names).on.get("a").get("w"), { names: ["A", "B"], ports: ["p1", "p3"], how: "preferred", lost: false });
});

test("in words each node is spoken of, what is not well first", () => {
  const check = (cells, ...expect) => assert.deepEqual(inWords(Object.entries(cells)), expect);
  check({ a: "optimal 4/4", b: "failed 0/4", c: "optimal 4/4", d: "optimal 4/4", e: "optimal 4/4", f: "not expected" }, "failed 0/4: b", "optimal 4/4: all 4 others", "not expected: f");
  check({ a: "optimal 4/4", b: "optimal 4/4", c: "optimal 4/4", d: "optimal 4/4" }, "optimal 4/4: all");
  check({ a: "unknown", b: "unknown", c: "unknown", d: "unknown", e: "optimal 4/4" }, "unknown: all 4 others", "optimal 4/4: e");
  check({ a: "optimal 4/4", b: "degraded 2/4 m" }, "degraded 2/4 m: b", "optimal 4/4: a");
});
