import assert from "node:assert/strict";
import { test } from "node:test";
import { csv } from "../../../crates/pathkeeper/ui/model/csv.js";
import { toldOf } from "../../../crates/pathkeeper/ui/model/marks.js";
import { held, lines, readFilter, wanted, writeFilter } from "../../../crates/pathkeeper/ui/model/rows.js";

const row = (wwid, state, more = {}) => ({ wwid, "cluster-state": state, nodes: { n1: { state, "paths-active": 1, "paths-total": 2 } }, ...more });
const filter = (text) => readFilter(new URLSearchParams(text));
const rows = [
  row("c", "optimal", { alias: "gamma", "used-by": "s1" }),
  row("a", "degraded", { alias: "alpha", "used-by": "s1" }),
  row("b", "failed", { "used-by": "s2", nodes: { n1: { state: "failed", causes: ["HBA_DOWN x"] }, n2: { state: "optimal" } } }),
];

test("a filter has the API's words and is written as it is read", () => {
  const check = (text, expect) => assert.deepEqual(wanted(rows, filter(text)).map((of) => of.wwid), expect, text);
  check("", ["a", "b"]);
  check("unclean=0", ["c", "a", "b"]);
  check("unclean=1&name=gamma", []);
  check("name=GAM", ["c"]);
  check("name=s2", ["b"]);
  check("state=failed,degraded", ["a", "b"]);
  check("state=optimal", ["c"]);
  check("state=splendid&unclean=0", ["c", "a", "b"]);
  check("node=n2", ["b"]);
  check("wwid=c", ["c"]);
  check("cause=HBA_DOWN+x", ["b"]);
  const text = "state=failed&node=n2&unclean=0&name=x&group=none";
  const again = new URLSearchParams(Object.entries(writeFilter(filter(text))).filter(([, value]) => value));
  assert.deepEqual(filter(again.toString()), filter(text));
});

test("where all is well all rows are shown", () => {
  assert.equal(wanted([rows[0]], filter("")).length, 1);
});

test("groups and rows are worst first; one group needs no heading", () => {
  assert.deepEqual(lines(rows, "storage").map((of) => of.key), ["group s2", "b", "group s1", "a", "c"]);
  assert.deepEqual(lines(rows, "none").map((of) => of.key), ["b", "a", "c"]);
  assert.deepEqual(lines(rows.slice(0, 2), "storage").map((of) => of.key), ["a", "c"]);
});

test("no row jumps while somebody reads", () => {
  const shown = lines(rows, "none");
  const now = [row("c", "failed"), row("a", "optimal"), row("d", "failed")];
  const byWwid = new Map(now.map((of) => [of.wwid, of]));
  const kept = held(shown, lines(now.filter((of) => of.wwid !== "a"), "none"), byWwid);
  assert.deepEqual(kept.lines.map((of) => [of.key, of.row["cluster-state"]]), [["a", "optimal"], ["c", "failed"]]);
  assert.deepEqual([kept.added, kept.gone, kept.moved], [1, 1, false]);
  const swapped = held(shown, [...shown].reverse(), new Map(rows.map((of) => [of.wwid, of])));
  assert.equal(swapped.moved, true);
});

test("CSV is a table and no formula", () => {
  const told = toldOf([]);
  const text = csv([row("a", "degraded", { alias: "=1+1", "used-by": 'x,"y"' })], ["n1", "n2"], told, 0);
  assert.equal(text, 'wwid,alias,used-by,size,cluster-state,n1,n2\r\na,\'=1+1,"x,""y""",,degraded,degraded 1 of 2,\r\n');
  const marked = row("a", "failed", { nodes: { n1: { state: "failed", queueing: true, "paths-active": 0, "paths-total": 2 } } });
  assert.match(csv([marked], ["n1"], toldOf([{ code: "X", severity: "error", scope: { wwid: "a", node: "n1" }, summary: "", since: 60, muted: {} }]), 102), /,failed 0 of 2 Q42s m\r\n$/);
});
