// The map's bytes: what is read, kept up to date, put in order, and said of a place.

import assert from "node:assert/strict";
import { test } from "node:test";
import { EXPLAINED, FLAPPING, LIT, QUEUEING, UNEXPLAINED, applyRows, block, blockWords, byteWords, filtered, ordered, readId, readMap, rowLabel, scale, stateOf, worst } from "../../../crates/pathkeeper/ui/model/map.js";
import { readFilter } from "../../../crates/pathkeeper/ui/model/rows.js";

/** As crates/api/src/map.rs writes it. */
function body(states, cells, { version = 1, header = 40, rows = states.length, columns = states.length ? cells.length / states.length : 0 } = {}) {
  const bytes = Buffer.alloc(40 + states.length + cells.length);
  bytes.write("PKMP", 0, "latin1");
  bytes.writeUInt16LE(version, 4);
  bytes.writeUInt16LE(header, 6);
  bytes.writeBigUInt64LE(0xfedc_ba98_7654_3210n, 8);
  bytes.writeBigUInt64LE(7n, 16);
  bytes.writeBigUInt64LE(9n, 24);
  bytes.writeUInt32LE(rows, 32);
  bytes.writeUInt32LE(columns, 36);
  bytes.set([...states, ...cells], 40);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

const names = {
  names: "0000000000000009",
  columns: ["n1", "n10", "n2"],
  rows: [
    { wwid: "3600a", name: "b10", "used-by": "s1" },
    { wwid: "3600b", alias: "<img src=x>", name: "b2", "used-by": "s1" },
    { wwid: `3600${"c".repeat(29)}` },
  ],
};
const MAP = body([1, 4, 5], [1, 1, 0, 4 | UNEXPLAINED, 2 | EXPLAINED, 1, 5, 5, 5]);
const read = () => readMap(MAP.slice(0));
const filter = (text) => readFilter(new URLSearchParams(text));

test("a body is read as it is written, and what is none is refused", () => {
  const map = read();
  assert.deepEqual([map.epoch, map.revision, map.names, map.rows, map.columns], ["fedcba9876543210", 7n, "0000000000000009", 3, 3]);
  assert.deepEqual([[...map.states], [...map.cells.subarray(0, 4)]], [[1, 4, 5], [1, 1, 0, 4 | UNEXPLAINED]]);
  assert.equal(readMap(body([], [])).rows, 0);
  const bad = (of, words) => assert.throws(() => readMap(of), words);
  bad(new ArrayBuffer(0), /no map/);
  bad(MAP.slice(0, 39), /no map/);
  bad(new TextEncoder().encode("<html>".repeat(20)).buffer, /no map/);
  bad(body([1], [1], { version: 2 }), /layout/);
  bad(body([1], [1], { header: 0 }), /not as long/);
  bad(body([1], [1], { rows: 2 }), /not as long/);
  bad(body([1], [1], { rows: 0xffff_ffff, columns: 0xffff_ffff }), /not as long/);
  bad(MAP.slice(0, -1), /not as long/);
});

test("an event's id is a run and a revision", () => {
  assert.deepEqual(readId("00ff-12"), { epoch: "00ff", revision: 12n });
  assert.deepEqual(readId(""), { epoch: "", revision: 0n });
  assert.deepEqual(readId("00ff-x"), { epoch: "00ff", revision: 0n });
});

test("changed rows are taken in, and rows that nobody knows are not", () => {
  const rowOf = new Map(names.rows.map((row, at) => [row.wwid, at]));
  const base64 = (...bytes) => Buffer.from(bytes).toString("base64");
  const map = read();
  assert.deepEqual(applyRows(map, rowOf, { "3600a": base64(2, 1, 2 | QUEUEING, 0) }), [0]);
  assert.deepEqual([map.states[0], ...map.cells.subarray(0, 3)], [2, 1, 2 | QUEUEING, 0]);
  assert.deepEqual(applyRows(map, rowOf, {}), []);
  assert.equal(applyRows(read(), rowOf, { other: base64(1, 1, 1, 1) }), null);
  assert.equal(applyRows(read(), rowOf, { "3600a": base64(1, 1) }), null);
});

test("rows stand by storage and name, columns by number, and a filter leaves what it wants", () => {
  const all = ordered(names);
  assert.deepEqual([[...all.rows], [...all.columns]], [[1, 0, 2], [0, 2, 1]]);
  const check = (text, rows, columns = [0, 2, 1]) => {
    const left = filtered(all, read(), names, filter(text));
    assert.deepEqual([[...left.rows], [...left.columns]], [rows, columns], text);
  };
  check("", [1, 0, 2]);
  check("unclean=1", [1, 2]);
  check("state=failed,unknown", [1, 2]);
  check("name=B10", [0]);
  check("name=IMG", [1]);
  check("wwid=3600a", [0]);
  check("node=n2", [1, 2], [2]);
  check("node=gone", [1, 0, 2]);
  check("name=nothing", []);
});

test("all fits into the window, or each cell is as large as can be pointed at", () => {
  const of = (rows, columns) => ({ rows: new Uint32Array(rows), columns: new Uint32Array(columns) });
  const view = { width: 1200, height: 600 };
  assert.deepEqual(scale(of(10_000, 1_000), view, false), { perRow: 34, perColumn: 2, height: 2, width: 2, down: 295, across: 500 });
  assert.deepEqual(scale(of(8, 4), view, false), { perRow: 1, perColumn: 1, height: 24, width: 40, down: 8, across: 4 });
  assert.deepEqual(scale(of(100, 64), view, false), { perRow: 1, perColumn: 1, height: 6, width: 18, down: 100, across: 64 });
  assert.deepEqual(scale(of(10_000, 1_000), view, true), { perRow: 1, perColumn: 1, height: 12, width: 12, down: 10_000, across: 1_000 });
  for (const [rows, columns] of [[0, 0], [1, 1], [301, 601], [4_999, 999]]) {
    const { down, across, height, width, perRow, perColumn } = scale(of(rows, columns), view, false);
    assert.ok(down * height <= 600 && across * width <= 1200 && down * perRow >= rows && across * perColumn >= columns, `${rows} × ${columns}`);
  }
});

test("the worst of a block stands for it: what is lit before all, doubt before health", () => {
  const worstOf = (...cells) => {
    const map = readMap(body([1], cells));
    const order = { rows: Uint32Array.of(0), columns: Uint32Array.from(cells, (_, at) => at) };
    const to = { perRow: 1, perColumn: cells.length, height: 2, width: 2, down: 1, across: 1 };
    const into = new Uint8Array(1);
    worst(map, order, to, 0, into);
    assert.equal(block(map, order, to, { down: 0, across: 0 }).byte, into[0], String(cells));
    return into[0];
  };
  assert.equal(worstOf(0, 1, 5), 5);
  assert.equal(worstOf(5, 2 | EXPLAINED, 1), 2 | EXPLAINED);
  assert.equal(worstOf(3, 4, 2), 4);
  assert.equal(worstOf(4 | EXPLAINED, 4 | UNEXPLAINED), 4 | UNEXPLAINED);
  assert.equal(worstOf(4, 4 | QUEUEING), 4 | QUEUEING);
  assert.equal(worstOf(4 | UNEXPLAINED, 2 | EXPLAINED | LIT), 2 | EXPLAINED | LIT);
  assert.equal(worstOf(1, 7), 7, "a number that nobody knows is unknown");
  assert.equal(stateOf(7), 5);
  assert.equal(worstOf(0, 0), 0);
});

test("blocks are of cells as they are shown", () => {
  const map = read();
  const order = ordered(names);
  const to = { perRow: 2, perColumn: 2, height: 2, width: 2, down: 2, across: 2 };
  const into = new Uint8Array(4);
  for (const down of [0, 1]) worst(map, order, to, down, into);
  assert.deepEqual([...into], [4 | UNEXPLAINED, 2 | EXPLAINED, 5, 5]);
  const corner = block(map, order, to, { down: 1, across: 1 });
  assert.deepEqual([[...corner.rows], [...corner.nodes], corner.row, corner.column], [[2], [1], 2, 1]);
});

test("a place is said in words", () => {
  const map = read();
  const order = ordered(names);
  const words = (to, at, asked) => blockWords(block(map, order, to, at), names, asked);
  const each = { perRow: 1, perColumn: 1, height: 12, width: 12, down: 3, across: 3 };
  assert.equal(words(each, { down: 0, across: 0 }), "<img src=x> on n1: failed, no listed cause explains it");
  assert.equal(words(each, { down: 0, across: 2 }), "<img src=x> on n10: degraded, explained by a cause");
  assert.equal(words(each, { down: 1, across: 1 }), "b10 on n2: not expected");
  const all = { perRow: 3, perColumn: 3, height: 2, width: 2, down: 1, across: 1 };
  assert.equal(words(all, { down: 0, across: 0 }), "3 LUNs on n1, n2, n10: 1 failed, 1 degraded, 3 unknown, 3 optimal, 1 not expected. Worst: <img src=x> on n1: failed, no listed cause explains it");
  assert.equal(byteWords(4 | QUEUEING | FLAPPING | EXPLAINED | LIT, true), "failed, I/O queues, a path flaps, explained by the cause that is lit");
  assert.equal(byteWords(4 | EXPLAINED | UNEXPLAINED | LIT, true), "failed, no listed cause explains it, in part by the cause that is lit");
  assert.equal(rowLabel(names.rows[2]), "3600…cccccccc");
});
