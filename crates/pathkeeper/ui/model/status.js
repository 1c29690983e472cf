// What a status says, in words. Doubt is never health: what is not known never reads as well. No DOM here.

import { list, plural, shortWwid } from "../format.js";

/**
 * @typedef {import("../api-types.js").ClusterStatus & {rest?: number}} ClusterStatus with how many rows are still to come
 * @typedef {import("../api-types.js").Delta} Delta
 * @typedef {import("../api-types.js").LunRow} LunRow
 * @typedef {import("../api-types.js").Cell} Cell
 * @typedef {import("../api-types.js").Finding} Finding
 * @typedef {import("../api-types.js").NodeRow} NodeRow
 * @typedef {"optimal" | "degraded" | "missing" | "failed" | "unknown"} State
 */

/** Worst first. A row that is optimal but in doubt stands between unknown and optimal. @type {Record<string, number>} */
export const BADNESS = { failed: 5, missing: 4, degraded: 3, unknown: 2, doubt: 1, optimal: 0 };
/** In the order in which they are listed. @type {State[]} */
export const STATES = ["failed", "missing", "degraded", "unknown", "optimal"];

/** A word that nobody knows is unknown. @param {string | undefined} word @returns {State} */
export function known(word) {
  return STATES.find((state) => state === word) ?? "unknown";
}

/** A row never changes, another one comes in its place: so it is looked through once. @type {WeakMap<LunRow, boolean>} */
const looked = new WeakMap();

/** @param {LunRow} row */
export function isClean(row) {
  let clean = looked.get(row);
  if (clean === undefined) {
    clean = row["cluster-state"] === "optimal";
    for (const name in row.nodes) clean &&= row.nodes[name]?.state === "optimal";
    looked.set(row, clean);
  }
  return clean;
}

/** The state that a row reads as: `doubt` for optimal with a cell that nobody knows. @param {LunRow} row */
export function reading(row) {
  const state = known(row["cluster-state"]);
  return state === "optimal" && !isClean(row) ? "doubt" : state;
}

/** @param {LunRow} row */
export function stateWords(row) {
  if (reading(row) !== "doubt") return known(row["cluster-state"]);
  const cells = Object.values(row.nodes);
  const seen = cells.filter((cell) => known(cell.state) !== "unknown").length;
  return `optimal, ${seen} of ${cells.length} nodes known`;
}

/** `2/4`: usable of those that should be there, or of those that are known. @param {Cell} cell */
export function counts(cell) {
  const active = cell["paths-active"];
  const total = Math.max(cell["paths-total"] ?? -1, cell["paths-expected"] ?? -1);
  if (active == null && total < 0) return "";
  return `${active ?? "?"}/${total < 0 ? "?" : total}`;
}

/** @param {Cell} cell */
export function cellText(cell) {
  const state = known(cell.state);
  if (state === "missing") return "none";
  return counts(cell) || (state === "optimal" ? "ok" : state);
}

/** Whether something is wrong here that no listed cause explains. @param {Cell} cell */
export function isUnexplained(cell) {
  if ((cell.unexplained ?? 0) > 0) return true;
  const state = known(cell.state);
  return (state === "failed" || state === "missing" || state === "degraded") && !cell.causes?.length;
}

/** @param {LunRow} row */
export const label = (row) => row.alias ?? row.name ?? row.wwid;
/** The label, a bare WWID shortened. @param {LunRow} row */
export const shortLabel = (row) => (label(row) === row.wwid ? shortWwid(row.wwid) : label(row));

/** @type {WeakMap<LunRow[], string[]>} */
const headed = new WeakMap();

/** The nodes that have a cell in any row, in order of their names, `pve2` before `pve10`. @param {LunRow[]} rows @returns {string[]} */
export function columns(rows) {
  let names = headed.get(rows);
  if (!names) {
    /** @type {Set<string>} */
    const all = new Set();
    for (const row of rows) for (const name in row.nodes) all.add(name);
    headed.set(rows, (names = byNumber([...all])));
  }
  return names;
}

/** Digits and what is between them. @type {Map<string, string[]>} */
const pieces = new Map();
/** @param {string} name */
function piecesOf(name) {
  const found = pieces.get(name) ?? name.toLowerCase().match(/\d+|\D+/g) ?? [];
  // Names that nobody has any more are not kept for ever.
  if (pieces.size > 50_000) pieces.clear();
  pieces.set(name, found);
  return found;
}

/** As people count, `pve2` before `pve10`, and as the agent does. A collator costs tens of milliseconds before it compares.
 * @param {string} a @param {string} b */
export function compareNames(a, b) {
  const [mine, other] = [piecesOf(a), piecesOf(b)];
  for (let n = 0; n < mine.length && n < other.length; n += 1) {
    const [x, y] = [mine[n] ?? "", other[n] ?? ""];
    if (x === y) continue;
    if (!/^\d/.test(x) || !/^\d/.test(y)) return x < y ? -1 : 1;
    // Numbers of any length, as texts: the longer one is the larger one.
    const [from, to] = [x.replace(/^0+/, ""), y.replace(/^0+/, "")];
    if (from !== to) return from.length - to.length || (from < to ? -1 : 1);
  }
  return mine.length - other.length;
}
/** @param {string[]} names */
export const byNumber = (names) => names.sort(compareNames);

/** A row whose equal cells were written once: they are one cell here, too. @param {import("../api-types.js").PackedRow} packed @returns {LunRow} */
function unpacked({ alike, ...row }) {
  return { ...row, nodes: Object.fromEntries(alike.flatMap(({ cell, on }) => on.map((name) => [name, cell]))) };
}

/** A status as it begins: whole, or what stands beside the rows and those that are shown first. @param {any} said @returns {ClusterStatus} */
export function begun({ columns: names, ...status }) {
  if (status.rest === undefined) return status;
  const luns = status.luns.map(unpacked);
  headed.set(luns, byNumber(names ?? []));
  return { ...status, luns };
}

/** How many rows of a status are still to come: until there is none it is no whole one. @param {ClusterStatus} status */
export const toCome = (status) => status.rest ?? 0;

/** A status with its next rows. What does not fit is no part of it. @param {ClusterStatus} status
 * @param {import("../api-types.js").Part} part @returns {ClusterStatus} */
export function continued(status, part) {
  if (toCome(status) !== part.luns.length + part.rest) throw new Error("the rows do not belong together");
  const luns = [...status.luns, ...part.luns.map(unpacked)];
  headed.set(luns, columns(status.luns));
  return { ...status, luns, rest: part.rest };
}

/**
 * A delta: whole rows, removed WWIDs, and each other part whole where it changed. The old status stays as it was, so
 * that who still shows it shows one moment.
 * @param {ClusterStatus} status @param {Delta} delta @returns {ClusterStatus}
 */
export function applied(status, delta) {
  if (toCome(status) > 0) throw new Error("a change came before all rows were there");
  const next = { ...status };
  if (delta.luns?.length || delta.removed?.length) {
    const rows = new Map(status.luns.map((row) => [row.wwid, row]));
    for (const wwid of delta.removed ?? []) rows.delete(wwid);
    for (const row of delta.luns ?? []) rows.set(row.wwid, row);
    next.luns = [...rows.values()];
  }
  if (delta.nodes != null) next.nodes = delta.nodes;
  if (delta.view != null) next.view = delta.view;
  if (delta.summary != null) next.summary = delta.summary;
  if (delta.findings != null) next.findings = delta.findings;
  return next;
}

/** The verdict: what stands first on every page. @param {ClusterStatus} status @param {Iterable<NodeRow>} nodes */
export function verdict(status, nodes) {
  const { view, summary } = status;
  if (view.partial) {
    const dark = [...nodes].filter((node) => node.report !== "fresh").map((node) => node.node);
    return {
      health: "PARTIAL",
      since: view.since ?? null,
      seen: `seen from ${view.observer}: ${view.why ?? "it cannot see the whole cluster"}` +
        (dark.length ? `, ${list(dark, 8)} unknown` : ""),
    };
  }
  return {
    health: summary.health,
    since: null,
    seen: `seen from ${view.observer}, ${view["nodes-fresh"]} of ${view["nodes-known"]} nodes fresh`,
  };
}

/** How the LUNs stand, in one line. @param {ClusterStatus} status */
export function tally({ view, summary: s }) {
  if (s.luns === 0) {
    const silent = view["nodes-known"] - view["nodes-fresh"];
    return silent > 0 || view.partial
      ? `no LUN is known, and ${plural(silent, "node")} cannot be seen`
      : "nothing to watch: no node has a multipath map";
  }
  if (s.clean === s.luns) {
    return `${plural(s.luns, "LUN")} optimal in all ${plural(s.places, "place")}, ` +
      `${s["paths-active"]} of ${s["paths-total"]} paths usable`;
  }
  /** @type {("failed" | "missing" | "degraded" | "unknown")[]} */
  const words = ["failed", "missing", "degraded", "unknown"];
  const parts = words.filter((word) => s[word] > 0).map((word) => `${s[word]} ${word}`);
  if (s.doubt > 0) parts.push(`${s.doubt} optimal but in doubt`);
  parts.push(`${s.clean} optimal`);
  return `${plural(s.luns, "LUN")}: ${parts.join(", ")}`;
}

/**
 * Whether a node can be believed well: it is there, its report is fresh, and its multipathd works. What is not known of it is not
 * well, nor is what an answering node without its store still remembers. @param {NodeRow | undefined} node
 * @returns {"well" | "ill" | "unknown"}
 */
export function nodeHealth(node) {
  if (!node || node.report !== "fresh" || node.status !== "online") return "unknown";
  return (node.multipathd ?? "running") === "running" ? "well" : "ill";
}

/** What tells a finding from all others. @param {Finding} finding */
export function fingerprint(finding) {
  const { node, wwid, object, path } = finding.scope;
  return finding.fingerprint ?? [finding.code, node, object, wwid, path].filter(Boolean).join(" ");
}

/** `ERROR`, `WARN` or `INFO`. @param {string | null | undefined} severity */
export const severityWord = (severity) => (severity === "error" ? "ERROR" : severity === "warning" ? "WARN" : "INFO");

/** A finding's line, with its node where the summary does not name it. @param {Finding} finding */
export function findingLine(finding) {
  const node = finding.scope.node;
  return node && !finding.summary.includes(node) ? `${node}: ${finding.summary}` : finding.summary;
}

/** What stands and counts, what is muted, and what is only told. @param {Finding[]} findings */
export function sorted(findings) {
  const standing = findings.filter((finding) => !finding.muted && finding.severity !== "info");
  const muted = findings.filter((finding) => finding.muted);
  const notes = findings.filter((finding) => !finding.muted && finding.severity === "info");
  return { standing, muted, notes };
}
