import assert from "node:assert/strict";
import { test } from "node:test";
import { cellWords, marks, toldOf } from "../../../crates/pathkeeper/ui/model/marks.js";
import { applied, begun, cellText, columns, compareNames, continued, counts, isClean, isUnexplained, nodeHealth, reading, sorted, stateWords, tally, toCome, verdict } from "../../../crates/pathkeeper/ui/model/status.js";

const row = (wwid, state, nodes) => ({ wwid, "cluster-state": state, nodes });
const cell = (state, active, total, more = {}) => ({ state, "paths-active": active, "paths-total": total, ...more });

test("doubt is never health", () => {
  const check = (of, clean, reads, words) => assert.deepEqual([isClean(of), reading(of), stateWords(of)], [clean, reads, words]);
  check(row("a", "optimal", { n: cell("optimal", 4, 4) }), true, "optimal", "optimal");
  check(row("a", "optimal", { n: cell("optimal", 4, 4), m: cell("unknown") }), false, "doubt", "optimal, 1 of 2 nodes known");
  check(row("a", "optimal", { n: cell("splendid", 4, 4) }), false, "doubt", "optimal, 0 of 1 nodes known");
  check(row("a", "splendid", {}), false, "unknown", "unknown");
  check(row("a", "failed", { n: cell("failed", 0, 4) }), false, "failed", "failed");
});

test("a node is well where it is there, heard and works; what is not known of it is not well", () => {
  const check = (of, health) => assert.equal(nodeHealth(of), health);
  const node = { node: "n", status: "online", report: "fresh", multipathd: "running" };
  check(node, "well");
  check({ ...node, multipathd: null }, "well");
  check({ ...node, multipathd: "stopped" }, "ill");
  check({ ...node, report: "stale" }, "unknown");
  check({ ...node, status: "unknown" }, "unknown");
  check({ ...node, status: "offline", multipathd: "stopped" }, "unknown");
  check(undefined, "unknown");
});

test("cells are usable of expected", () => {
  const check = (of, text) => assert.equal(cellText(of), text);
  check(cell("degraded", 2, 2, { "paths-expected": 4 }), "2/4");
  check(cell("optimal", 4, 4), "4/4");
  check(cell("missing"), "none");
  check(cell("unknown", null, null), "unknown");
  check(cell("optimal"), "ok");
  check(cell("degraded", null, 4), "?/4");
  assert.equal(counts(cell("unknown")), "");
  const words = (of) => cellWords("a", row("w", "failed", { n: of }), "n");
  assert.equal(words(cell("failed", 0, 4, { queueing: true, unexplained: 1 })), "a on n: failed, 0/4 paths, I/O queues, 1 path that no cause explains");
  assert.equal(words(cell("optimal", 4, 4, { "other-size": true, flapping: true })), "a on n: optimal, 4/4 paths, another size than elsewhere or than its paths, a path flaps");
});

test("corner marks say what the command line says, and for how long I/O waits where a finding about the cell tells it", () => {
  const of = row("w", "failed", {
    n1: cell("failed", 0, 4, { queueing: true, causes: ["HBA_DOWN n1/host7"] }),
    n2: cell("optimal", 4, 4, { "other-size": true, flapping: true }),
    n3: cell("degraded", 2, 4, { causes: ["HBA_DOWN n3/host7"] }),
    n4: cell("optimal", 4, 4),
  });
  const finding = (code, scope, more = {}) => ({ code, scope, severity: "error", summary: "", ...more });
  const check = (findings, ...expect) => {
    const told = toldOf(findings);
    assert.deepEqual(["n1", "n2", "n3", "n4", "n5"].map((node) => marks(of, node, told, 1000)), expect);
  };
  const muted = { muted: { by: "me" } };
  check([], "Q", "s~", "", "", "");
  check([finding("LUN_QUEUEING", { wwid: "w", node: "n1" }, { since: 958 })], "Q42s", "s~", "", "", "");
  // Of two findings about the cell the younger one says when the last path went; a warning says nothing of that.
  check([finding("LUN_FAILED", { wwid: "w", node: "n1" }, { since: 100 }), finding("LUN_UNMAPPED", { wwid: "w", node: "n1" }, { since: 220 }),
    finding("PATH_X", { wwid: "w", node: "n1" }, { since: 999, severity: "warning" })], "Q13m", "s~", "", "", "");
  check([finding("HBA_DOWN", { node: "n3", object: "host7" }, { ...muted, fingerprint: "HBA_DOWN n3/host7" })], "Q", "s~", "m", "", "");
  check([finding("LUN_QUEUEING", { wwid: "w", node: "n1" }, { ...muted, since: 1000 }), finding("LUN_SIZE_MISMATCH", { wwid: "w" }, muted)], "Q0s m", "s~m", "", "", "");
  check([finding("LUN_NAME_MISMATCH", { wwid: "w" }, muted), finding("LUN_DEGRADED", { wwid: "other", node: "n3" }, muted)], "Q", "s~", "", "", "");
  assert.equal(cellWords("a", of, "n3", toldOf([finding("HBA_DOWN", {}, { ...muted, fingerprint: "HBA_DOWN n3/host7" })])), "a on n3: degraded, 2/4 paths, muted");
  assert.match(cellWords("a", of, "n1", toldOf([finding("LUN_QUEUEING", { wwid: "w", node: "n1" }, { since: 958 })])), /I\/O queues since .*\d\d:\d\d/);
});

test("what no cause explains stands out, and what nobody knows does not claim to be explained", () => {
  const check = (of, expect) => assert.equal(isUnexplained(of), expect);
  check(cell("degraded", 2, 4), true);
  check(cell("degraded", 2, 4, { causes: ["HBA_DOWN x"] }), false);
  check(cell("degraded", 1, 4, { causes: ["HBA_DOWN x"], unexplained: 1 }), true);
  check(cell("missing"), true);
  check(cell("unknown"), false);
  check(cell("optimal", 4, 4), false);
});

const status = () => ({
  luns: [row("a", "optimal", { n2: cell("optimal", 4, 4), n10: cell("optimal", 4, 4) })], nodes: {}, findings: [],
  summary: { health: "HEALTH_OK", luns: 1, clean: 1, doubt: 0, failed: 0, missing: 0, degraded: 0, unknown: 0, places: 2, "paths-active": 8, "paths-total": 8 },
  view: { observer: "n2", "nodes-fresh": 2, "nodes-known": 2, partial: false },
});

test("a delta makes a new status and leaves the old one as it was", () => {
  const before = status();
  const after = applied(before, { luns: [row("b", "failed", {})], removed: ["a"], summary: { ...before.summary, health: "HEALTH_ERR" } });
  assert.deepEqual(after.luns.map((of) => of.wwid), ["b"]);
  assert.deepEqual(before.luns.map((of) => of.wwid), ["a"]);
  assert.equal(after.summary.health, "HEALTH_ERR");
  assert.equal(after.view, before.view);
  assert.equal(applied(before, {}).luns, before.luns);
});

test("the verdict says what is not seen", () => {
  const of = status();
  assert.equal(verdict(of, []).seen, "seen from n2, 2 of 2 nodes fresh");
  of.view = { ...of.view, partial: true, why: "NO QUORUM", since: 5 };
  const said = verdict(of, [{ node: "n1", report: "offline" }, { node: "n2", report: "fresh" }]);
  assert.deepEqual([said.health, said.since, said.seen], ["PARTIAL", 5, "seen from n2: NO QUORUM, n1 unknown"]);
});

test("no LUN is no health", () => {
  const of = status();
  assert.equal(tally(of), "1 LUN optimal in all 2 places, 8 of 8 paths usable");
  of.summary = { ...of.summary, luns: 3, clean: 1, failed: 1, doubt: 1 };
  assert.equal(tally(of), "3 LUNs: 1 failed, 1 optimal but in doubt, 1 optimal");
  of.summary = { ...of.summary, luns: 0 };
  assert.match(tally(of), /nothing to watch/);
  of.view = { ...of.view, "nodes-fresh": 1 };
  assert.match(tally(of), /1 node cannot be seen/);
});

test("columns count as people do; muted findings stay in sight", () => {
  assert.deepEqual(columns(status().luns), ["n2", "n10"]);
  const found = sorted([{ code: "A", severity: "error", scope: {}, summary: "" }, { code: "B", severity: "error", scope: {}, summary: "", muted: {} }, { code: "C", severity: "info", scope: {}, summary: "" }]);
  assert.deepEqual([found.standing.length, found.muted.length, found.notes.length], [1, 1, 1]);
});

const packed = (wwid, ...alike) => ({ wwid, "cluster-state": "optimal", nodes: {}, alike: alike.map(([state, ...on]) => ({ cell: cell(state, 4, 4), on })) });

test("a status in parts is whole with the last one, and no change is taken before", () => {
  const { luns: none, ...beside } = status();
  const first = begun({ ...beside, luns: [packed("b", ["optimal", "n10", "__proto__"], ["failed", "n2"])], columns: ["n10", "n2", "n3"], rest: 2 });
  assert.deepEqual(Object.entries(first.luns[0].nodes).map(([name, of]) => `${name} ${of.state}`), ["n10 optimal", "__proto__ optimal", "n2 failed"]);
  assert.equal(first.luns[0].nodes["n10"], first.luns[0].nodes["__proto__"], "equal cells are one");
  assert.deepEqual([toCome(first), columns(first.luns)], [2, ["n2", "n3", "n10"]]);
  assert.throws(() => applied(first, { removed: ["b"] }), /before all rows/);
  assert.throws(() => continued(first, { luns: [packed("a")], rest: 2 }), /do not belong together/);
  const second = continued(first, { luns: [packed("a", ["optimal", "n3"])], rest: 1 });
  assert.deepEqual([toCome(second), columns(second.luns), first.luns.length], [1, ["n2", "n3", "n10"], 1]);
  const whole = continued(second, { luns: [packed("c")], rest: 0 });
  assert.deepEqual([toCome(whole), whole.luns.map((of) => of.wwid)], [0, ["b", "a", "c"]]);
  assert.deepEqual(applied(whole, { removed: ["a"] }).luns.map((of) => of.wwid), ["b", "c"]);
  assert.equal(toCome(begun(status())), 0, "one that comes in one piece");
  assert.throws(() => continued(begun(status()), { luns: [packed("d")], rest: 0 }), /do not belong together/);
});

test("names are compared as people count", () => {
  const check = (a, b, order) => assert.deepEqual([Math.sign(compareNames(a, b)), Math.sign(compareNames(b, a))], [order, order === 0 ? 0 : -order], `${a} ${b}`);
  check("pve2", "pve10", -1);
  check("lun02", "LUN2", 0);
  check("a", "a1", -1);
  check("1a2", "1a", 1);
  check("99999999999999999999999", "100000000000000000000000", -1);
  check("", "", 0);
});
