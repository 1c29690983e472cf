// The matrix on paper: all rows and all columns, whatever is on the screen. A few nodes more than a page is wide come as several tables
// beneath each other; very many nodes are said in words, LUN by LUN. Nothing is cut off.

import { h } from "../h.js";
import { plural } from "../format.js";

/** @typedef {import("../model/rows.js").Line} Line */

/** So many columns find room on a page, upright or across. */
const COLUMNS = 8;
/** More tables than this nobody lays side by side. */
const TABLES_MAX = 3;
/** So many rows are printed; what is left out is said. */
const ROWS_MAX = 2_000;

/** @param {Line[]} lines @param {string[]} columns @param {import("./grid.js").Painter} painter */
export function paper(lines, columns, painter) {
  const shown = lines.slice(0, ROWS_MAX);
  const left = lines.slice(ROWS_MAX).filter((line) => line.row !== null).length;
  const tables = Math.ceil(columns.length / COLUMNS);
  const parts = tables <= TABLES_MAX
    ? Array.from({ length: tables }, (_, n) => table(shown, columns.slice(n * COLUMNS, (n + 1) * COLUMNS), painter,
      tables === 1 ? "LUN" : `LUN, nodes ${n * COLUMNS + 1} to ${Math.min(columns.length, (n + 1) * COLUMNS)} of ${columns.length}`))
    : [words(shown, columns, painter)];
  return h("div", { class: "paper" }, ...parts,
    left > 0 ? h("p", { class: "doubtful" }, `${plural(left, "LUN")} more ${left === 1 ? "is" : "are"} not printed: use a filter, or CSV, which has all.`) : null);
}

/** @param {Line[]} lines @param {string[]} names @param {import("./grid.js").Painter} painter @param {string} title */
function table(lines, names, painter, title) {
  // As wide as the others, so that their columns stand beneath each other.
  const rest = Array.from({ length: COLUMNS - names.length }, () => h("td"));
  return h("table", {},
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, title), ...names.map((name) => h("th", { scope: "col" }, painter.column(name))), ...rest)),
    h("tbody", {}, ...lines.map((line) => h("tr", { class: line.kind },
      h("th", { scope: "row", colspan: line.kind === "group" ? COLUMNS + 1 : null }, painter.header(line)),
      ...(line.kind === "group" ? [] : names.map((name) => h("td", {}, painter.cell(line, name))))))));
}

/** @param {Line[]} lines @param {string[]} columns @param {import("./grid.js").Painter} painter */
function words(lines, columns, painter) {
  return h("table", { class: "in-words" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "LUN"), h("th", { scope: "col" }, `on ${plural(columns.length, "node")}: ${columns.join(", ")}`))),
    h("tbody", {}, ...lines.map((line) => h("tr", { class: line.kind },
      h("th", { scope: "row", colspan: line.kind === "group" ? 2 : null }, painter.header(line)),
      line.kind === "group" ? null : h("td", {}, inWords(columns.map((name) => [name, said(painter.cell(line, name))])).join("; "))))));
}

/** `degraded 2/4 m` @param {HTMLElement | null} cell */
function said(cell) {
  if (!cell) return "not expected";
  const { state = "unknown", marks = "" } = cell.dataset;
  const text = cell.textContent === state ? "" : cell.textContent ?? "";
  return [state, text, marks].filter(Boolean).join(" ");
}

/**
 * Nodes by what is said of them, what is not well first; those of whom the same is said most often are "all others", so that each
 * node is spoken of. @param {[string, string][]} cells node and words @returns {string[]}
 */
export function inWords(cells) {
  /** @type {Map<string, string[]>} */
  const groups = new Map();
  for (const [node, text] of cells) groups.set(text, [...(groups.get(text) ?? []), node]);
  const most = [...groups].reduce((most, group) => (group[1].length > most[1].length ? group : most), ["", /** @type {string[]} */ ([])])[0];
  const rank = (/** @type {string} */ text) => (text === "not expected" ? 2 : text.startsWith("optimal") ? 1 : 0);
  const ordered = [...groups].sort(([a], [b]) => rank(a) - rank(b));
  return ordered.map(([text, nodes]) => {
    if (text !== most || nodes.length < 4) return `${text}: ${nodes.join(", ")}`;
    return groups.size === 1 ? `${text}: all` : `${text}: all ${nodes.length} others`;
  });
}
