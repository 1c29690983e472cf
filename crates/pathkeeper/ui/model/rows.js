// Which rows of the matrix are shown, in which order and under which heading. The filter has the API's words. No DOM here.

import { BADNESS, STATES, compareNames, isClean, known, label, reading } from "./status.js";

/**
 * @typedef {import("./status.js").LunRow} LunRow
 * @typedef {object} Filter
 * @property {string[]} states rows of these cluster-states; empty = all
 * @property {string} node rows that have a cell there; empty = all
 * @property {string} wwid that row alone; empty = all
 * @property {boolean | null} unclean only what is not optimal everywhere; null = where there is any such row
 * @property {string} name rows whose alias, name, WWID or storage has this in it
 * @property {string} cause rows with a cell that this cause explains
 * @property {"storage" | "none"} group
 *
 * @typedef {object} Line a line of the grid: a heading or a row
 * @property {string} key
 * @property {"group" | "lun"} kind
 * @property {string} text of a heading
 * @property {LunRow | null} row
 */

/** @param {URLSearchParams} query @returns {Filter} */
export function readFilter(query) {
  const words = (query.get("state") ?? "").split(/[,; ]/).filter((word) => STATES.some((state) => state === word));
  const unclean = query.get("unclean");
  return {
    states: words,
    node: query.get("node") ?? "",
    wwid: query.get("wwid") ?? "",
    unclean: unclean === null ? null : !["0", "no", "false", "off"].includes(unclean),
    name: query.get("name") ?? "",
    cause: query.get("cause") ?? "",
    group: query.get("group") === "none" ? "none" : "storage",
  };
}

/** The parts of an address that say it again. @param {Filter} filter @returns {Record<string, string>} */
export function writeFilter(filter) {
  return {
    state: filter.states.join(","),
    node: filter.node,
    wwid: filter.wwid,
    unclean: filter.unclean === null ? "" : filter.unclean ? "1" : "0",
    name: filter.name,
    cause: filter.cause,
    group: filter.group === "none" ? "none" : "",
  };
}

/** Whether only unclean rows are shown, said or by default. @param {Filter} filter @param {LunRow[]} rows */
export function onlyUnclean(filter, rows) {
  if (filter.unclean !== null) return filter.unclean;
  // Who asks for something by name wants to see it, well or not.
  if (filter.wwid || filter.name || filter.states.length > 0) return false;
  return rows.some((row) => !isClean(row));
}

/** @param {LunRow[]} rows @param {Filter} filter @returns {LunRow[]} */
export function wanted(rows, filter) {
  const unclean = onlyUnclean(filter, rows);
  const name = filter.name.trim().toLowerCase();
  return rows.filter((row) => {
    if (unclean && isClean(row)) return false;
    if (filter.states.length > 0 && !filter.states.includes(known(row["cluster-state"]))) return false;
    if (filter.node && !(filter.node in row.nodes)) return false;
    if (filter.wwid && row.wwid !== filter.wwid) return false;
    if (filter.cause && !Object.values(row.nodes).some((cell) => cell.causes?.includes(filter.cause))) return false;
    return !name || [label(row), row.wwid, row["used-by"] ?? ""].some((text) => text.toLowerCase().includes(name));
  });
}

/** Worst first, then by name. @param {LunRow} a @param {LunRow} b */
export function byBadness(a, b) {
  return (BADNESS[reading(b)] ?? 0) - (BADNESS[reading(a)] ?? 0) || compareNames(label(a), label(b));
}

const NOBODY = "used by no storage";

/** The lines of the grid, groups with the worst first. @param {LunRow[]} rows @param {"storage" | "none"} group @returns {Line[]} */
export function lines(rows, group) {
  const ordered = [...rows].sort(byBadness);
  if (group === "none") return ordered.map(line);
  /** @type {Map<string, LunRow[]>} */
  const groups = new Map();
  for (const row of ordered) {
    const of = row["used-by"] || NOBODY;
    const members = groups.get(of);
    if (members) members.push(row);
    else groups.set(of, [row]);
  }
  // One heading over everything says nothing.
  if (groups.size < 2) return ordered.map(line);
  // A Map keeps its order, and the first row of each group is its worst: so the groups are worst first, too.
  return [...groups].flatMap(([text, members]) => [
    { key: `group ${text}`, kind: /** @type {const} */ ("group"), text, row: null },
    ...members.map(line),
  ]);
}

/** @param {LunRow} row @returns {Line} */
const line = (row) => ({ key: row.wwid, kind: "lun", text: "", row });

/**
 * Lines in the order in which somebody reads them: rows get their new content and stay where they are, what is new
 * or no longer wanted is counted, and all is put in order when they ask. Nothing jumps under a pointer.
 * @param {Line[]} shown @param {Line[]} fresh @param {Map<string, LunRow>} rows by WWID
 */
export function held(shown, fresh, rows) {
  const before = new Set(shown.map((line) => line.key));
  const after = new Set(fresh.map((line) => line.key));
  const kept = shown
    .filter((line) => line.row === null || rows.has(line.key))
    .map((line) => ({ ...line, row: line.row && (rows.get(line.key) ?? null) }));
  const added = fresh.filter((line) => line.kind === "lun" && !before.has(line.key)).length;
  const gone = kept.filter((line) => line.kind === "lun" && !after.has(line.key)).length;
  const order = (/** @type {Line[]} */ all) => all.map((line) => line.key).join("\n");
  const moved = added === 0 && gone === 0 && order(kept) !== order(fresh);
  return { lines: kept, added, gone, moved };
}
