// What stands beside a cell's state: corner marks, and the words for all of it. No DOM here.

import { moment, plural, span } from "../format.js";
import { counts, fingerprint, known } from "./status.js";

/**
 * @typedef {import("./status.js").LunRow} LunRow
 * @typedef {import("./status.js").Finding} Finding
 */

/**
 * What findings say of cells beside their states. A cell is muted where a muted finding is about it, or is a cause that explains it;
 * since when its I/O waits is told by the finding that it has no path, where one is about this cell.
 * @typedef {object} Told
 * @property {(row: LunRow, node: string) => boolean} isMuted
 * @property {(row: LunRow, node: string) => number | null} since epoch seconds
 * @property {string} key another key, another answer
 */

/** Findings change as a whole. @type {WeakMap<Finding[], Told>} */
const told = new WeakMap();
const OF_SIZE = ["LUN_SIZE_MISMATCH", "LUN_RESIZE_PENDING"];

/** @param {Finding[]} findings @returns {Told} */
export function toldOf(findings) {
  const known = told.get(findings);
  if (known) return known;
  const muted = new Set();
  /** @type {Map<string, number>} */
  const since = new Map();
  for (const finding of findings) {
    const { wwid, node } = finding.scope;
    const cell = wwid && node ? `${wwid} ${node}` : "";
    if (finding.muted) muted.add(fingerprint(finding)).add(cell || (wwid && OF_SIZE.includes(finding.code) ? `${wwid} size` : ""));
    if (cell && finding.severity === "error" && finding.since != null) since.set(cell, Math.max(finding.since, since.get(cell) ?? 0));
  }
  muted.delete("");
  /** @type {Told} */
  const made = {
    isMuted: ({ wwid, nodes }, node) => muted.has(`${wwid} ${node}`) || (nodes[node]?.causes ?? []).some((cause) => muted.has(cause)) ||
      (nodes[node]?.["other-size"] === true && muted.has(`${wwid} size`)),
    since: ({ wwid }, node) => since.get(`${wwid} ${node}`) ?? null,
    key: [...muted, ...since].join(),
  };
  told.set(findings, made);
  return made;
}

/** Corner marks: `Q13m` I/O queues and for how long, `s` another size, `~` a path of it flaps, `m` muted.
 * @param {LunRow} row @param {string} node @param {Told} told @param {number} nowS */
export function marks(row, node, told, nowS) {
  const cell = row.nodes[node];
  const since = told.since(row, node);
  const queues = cell?.queueing ? `Q${since === null ? "" : span(nowS - since)}` : "";
  return [queues, `${cell?.["other-size"] ? "s" : ""}${cell?.flapping ? "~" : ""}${told.isMuted(row, node) ? "m" : ""}`].filter(Boolean).join(" ");
}

/** A cell as a sentence. @param {string} label @param {LunRow} row @param {string} node @param {Told} [told] */
export function cellWords(label, row, node, told) {
  const cell = row.nodes[node];
  if (!cell) return `${label} on ${node}: not expected`;
  const paths = counts(cell);
  const parts = [`${label} on ${node}: ${known(cell.state)}`];
  if (known(cell.state) === "missing") parts.push("none");
  else if (paths) parts.push(`${paths} paths`);
  const since = told?.since(row, node);
  if (cell.queueing) parts.push(`I/O queues${since == null ? "" : ` since ${moment(since)}`}`);
  if (cell["other-size"]) parts.push("another size than elsewhere or than its paths");
  if (cell.flapping) parts.push("a path flaps");
  if ((cell.unexplained ?? 0) > 0) parts.push(`${plural(cell.unexplained ?? 0, "path")} that no cause explains`);
  if (told?.isMuted(row, node)) parts.push("muted");
  return parts.join(", ");
}
