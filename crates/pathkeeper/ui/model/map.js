// The whole matrix as bytes: how it is read and kept up to date, which rows and columns are drawn where, and what a place says.
// docs/openapi.json has the layout. No DOM here.

import { list, plural, shortWwid } from "../format.js";
import { byNumber } from "./status.js";

/**
 * @typedef {import("../api-types.js").MapNames} MapNames
 * @typedef {import("../api-types.js").MapRow} MapRow
 *
 * @typedef {object} Cells
 * @property {string} epoch the agent's run, as in an event's id
 * @property {bigint} revision of that run
 * @property {string} names tag of the names that it belongs to
 * @property {number} rows
 * @property {number} columns
 * @property {Uint8Array} states of the rows
 * @property {Uint8Array} cells row after row
 *
 * @typedef {object} Order what is shown, as indexes into the bytes
 * @property {Uint32Array} rows
 * @property {Uint32Array} columns
 *
 * @typedef {object} Scale how it is drawn: blocks of so many cells, each of so many pixels
 * @property {number} perRow rows in a block
 * @property {number} perColumn columns in a block
 * @property {number} height of a block, px
 * @property {number} width of a block, px
 * @property {number} down blocks
 * @property {number} across blocks
 */

export const STATE = 0x07;
export const QUEUEING = 0x08;
export const FLAPPING = 0x10;
export const EXPLAINED = 0x20;
export const UNEXPLAINED = 0x40;
export const LIT = 0x80;

/** By number. Another number is another layout, and read as unknown. */
export const WORDS = ["not expected", "optimal", "degraded", "missing", "failed", "unknown"];
const UNKNOWN = 5;
/** How bad each is, by number. */
const RANKS = [0, 1, 3, 4, 5, 2];
const HEADER_BYTES = 40;
const MAGIC = 0x504d4b50;

/** @param {number} byte @returns {number} */
export const stateOf = (byte) => ((byte & STATE) > UNKNOWN ? UNKNOWN : byte & STATE);

/** Which of several cells stands for all: what is lit, then the worst, then what nobody explains, then what queues. */
export const RANK = Uint8Array.from({ length: 256 }, (_, byte) => {
  const rank = RANKS[stateOf(byte)] ?? 0;
  return (byte & LIT ? 32 : 0) + rank * 4 + (byte & UNEXPLAINED ? 2 : 0) + (byte & QUEUEING ? 1 : 0);
});

/** Reads what the agent sent; throws where that is no map. @param {ArrayBuffer} body @returns {Cells} */
export function readMap(body) {
  const view = new DataView(body);
  if (body.byteLength < HEADER_BYTES || view.getUint32(0, true) !== MAGIC) throw new Error("what came is no map");
  if (view.getUint16(4, true) !== 1) throw new Error("the map has a layout that this page does not know: load it anew");
  const hex = (/** @type {number} */ at) => view.getBigUint64(at, true).toString(16).padStart(16, "0");
  const begin = view.getUint16(6, true);
  const [rows, columns] = [view.getUint32(32, true), view.getUint32(36, true)];
  if (begin < HEADER_BYTES || body.byteLength !== begin + rows + rows * columns) throw new Error("the map is not as long as it says");
  return {
    epoch: hex(8), revision: view.getBigUint64(16, true), names: hex(24), rows, columns,
    states: new Uint8Array(body, begin, rows), cells: new Uint8Array(body, begin + rows, rows * columns),
  };
}

/** An event's id. @param {string} id @returns {{epoch: string, revision: bigint}} */
export function readId(id) {
  const [epoch = "", revision = ""] = id.split("-");
  return { epoch, revision: /^\d+$/.test(revision) ? BigInt(revision) : 0n };
}

/**
 * Takes changed rows in; null where one is none that this map has, so that all is to be asked for anew.
 * @param {Cells} map @param {Map<string, number>} rowOf @param {Record<string, string>} changed base64 by WWID
 * @returns {number[] | null} the rows
 */
export function applyRows(map, rowOf, changed) {
  const touched = [];
  for (const [wwid, text] of Object.entries(changed)) {
    const row = rowOf.get(wwid);
    const bytes = atob(text);
    if (row === undefined || bytes.length !== map.columns + 1) return null;
    map.states[row] = bytes.charCodeAt(0);
    const at = row * map.columns;
    for (let n = 1; n < bytes.length; n += 1) map.cells[at + n - 1] = bytes.charCodeAt(n);
    touched.push(row);
  }
  return touched;
}

/** @param {MapRow} row */
export const rowLabel = (row) => row.alias ?? row.name ?? shortWwid(row.wwid);

/** Rows by storage and name, columns by name: an order that stays while states change. @param {MapNames} names @returns {Order} */
export function ordered(names) {
  // Ten thousand names are compared as texts whose numbers are equally long: a collator takes ten times as long.
  const key = (/** @type {string} */ text) => text.toLowerCase().replace(/\d+/g, (digits) => digits.padStart(12, "0"));
  const rows = names.rows.map((row, at) => ({ at, key: `${row["used-by"] ? key(row["used-by"]) : "\uffff"}\n${key(rowLabel(row))}` }));
  rows.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  const place = new Map(names.columns.map((name, at) => [name, at]));
  return {
    rows: Uint32Array.from(rows, (row) => row.at),
    columns: Uint32Array.from(byNumber([...names.columns]), (name) => place.get(name) ?? 0),
  };
}

/**
 * What of it a filter leaves. @param {Order} order @param {Cells} map @param {MapNames} names
 * @param {import("./rows.js").Filter} filter @returns {Order}
 */
export function filtered(order, map, names, filter) {
  const name = filter.name.trim().toLowerCase();
  const node = filter.node ? names.columns.indexOf(filter.node) : -1;
  const rows = order.rows.filter((row) => {
    const named = names.rows[row];
    if (!named || (filter.wwid && named.wwid !== filter.wwid)) return false;
    if (name && ![rowLabel(named), named.wwid, named["used-by"] ?? ""].some((text) => text.toLowerCase().includes(name))) return false;
    if (filter.states.length > 0 && !filter.states.includes(WORDS[stateOf(map.states[row] ?? 0)] ?? "")) return false;
    if (node >= 0 && map.cells[row * map.columns + node] === 0) return false;
    return !filter.unclean || !isCleanRow(map, row);
  });
  return { rows, columns: node >= 0 ? Uint32Array.of(node) : order.columns };
}

/** @param {Cells} map @param {number} row */
function isCleanRow(map, row) {
  if (map.states[row] !== 1) return false;
  for (let at = row * map.columns, end = at + map.columns; at < end; at += 1) if (((map.cells[at] ?? 0) & STATE) > 1) return false;
  return true;
}

/** The least that can be seen and pointed at, and the most that one cell takes. */
const LEAST_PX = 2;
const MOST = { height: 24, width: 40 };
/** A cell where each is shown by itself. */
const CELL_PX = 12;

/**
 * All in the window, or with `cells` each cell by itself.
 * @param {Order} order @param {{width: number, height: number}} view px @param {boolean} cells @returns {Scale}
 */
export function scale(order, view, cells) {
  const fit = (/** @type {number} */ count, /** @type {number} */ room, /** @type {number} */ most) => {
    const size = cells ? CELL_PX : Math.min(most, Math.max(LEAST_PX, Math.floor(room / Math.max(1, count))));
    const per = cells ? 1 : Math.max(1, Math.ceil(count / Math.max(1, Math.floor(room / size))));
    return { size, per, blocks: Math.ceil(count / per) };
  };
  const [down, across] = [fit(order.rows.length, view.height, MOST.height), fit(order.columns.length, view.width, MOST.width)];
  return { perRow: down.per, perColumn: across.per, height: down.size, width: across.size, down: down.blocks, across: across.blocks };
}

/**
 * The worst cell of each block of one row of blocks.
 * @param {Cells} map @param {Order} order @param {Scale} scale @param {number} down @param {Uint8Array} into of all blocks
 */
export function worst({ cells, columns }, order, { perRow, perColumn, across }, down, into) {
  const out = into.subarray(down * across, (down + 1) * across);
  out.fill(0);
  const shown = order.columns;
  const end = Math.min(order.rows.length, (down + 1) * perRow);
  for (let r = down * perRow; r < end; r += 1) {
    const base = (order.rows[r] ?? 0) * columns;
    for (let block = 0, c = 0; block < across; block += 1) {
      let best = out[block] ?? 0;
      for (const last = Math.min(shown.length, c + perColumn); c < last; c += 1) {
        const byte = cells[base + (shown[c] ?? 0)] ?? 0;
        // Most are like the one before.
        if (byte !== best && (RANK[byte] ?? 0) > (RANK[best] ?? 0)) best = byte;
      }
      out[block] = best;
    }
  }
}

/**
 * What a block holds, and its worst cell.
 * @param {Cells} map @param {Order} order @param {Scale} scale @param {{down: number, across: number}} at
 */
export function block({ cells, columns }, order, { perRow, perColumn }, at) {
  const counts = new Array(WORDS.length).fill(0);
  const rows = order.rows.subarray(at.down * perRow, (at.down + 1) * perRow);
  const nodes = order.columns.subarray(at.across * perColumn, (at.across + 1) * perColumn);
  let [row, column, byte] = [rows[0] ?? 0, nodes[0] ?? 0, 0];
  for (const r of rows) {
    for (const c of nodes) {
      const cell = cells[r * columns + c] ?? 0;
      counts[stateOf(cell)] += 1;
      if ((RANK[cell] ?? 0) > (RANK[byte] ?? 0)) [row, column, byte] = [r, c, cell];
    }
  }
  return { rows, nodes, counts, row, column, byte };
}

/** A cell in words. @param {number} byte @param {boolean} asked a cause is lit */
export function byteWords(byte, asked = false) {
  return [
    WORDS[stateOf(byte)], byte & QUEUEING ? "I/O queues" : "", byte & FLAPPING ? "a path flaps" : "",
    byte & UNEXPLAINED ? "no listed cause explains it" : byte & LIT ? "explained by the cause that is lit" : byte & EXPLAINED ? "explained by a cause" : "",
    asked && byte & UNEXPLAINED && byte & LIT ? "in part by the cause that is lit" : "",
  ].filter(Boolean).join(", ");
}

/** Worst first. */
const BY_RANK = [4, 3, 2, 5, 1, 0];

/** A block in words. @param {ReturnType<typeof block>} of @param {MapNames} names @param {boolean} asked */
export function blockWords(of, names, asked) {
  const row = names.rows[of.row];
  const place = `${row ? rowLabel(row) : "?"} on ${names.columns[of.column] ?? "?"}: ${byteWords(of.byte, asked)}`;
  if (of.rows.length * of.nodes.length <= 1) return place;
  const counts = BY_RANK.filter((state) => of.counts[state] > 0).map((state) => `${of.counts[state]} ${WORDS[state]}`);
  const nodes = Array.from(of.nodes, (column) => names.columns[column] ?? "?");
  return `${plural(of.rows.length, "LUN")} on ${list(nodes, 3)}: ${counts.join(", ")}. ${of.byte > 1 ? "Worst: " : ""}${place}`;
}
