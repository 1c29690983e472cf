// Rows of the matrix as a table for other programs. No DOM here.

import { marks } from "./marks.js";
import { known, label } from "./status.js";

/** @typedef {import("./status.js").LunRow} LunRow */

/** @param {LunRow[]} rows @param {string[]} nodes @param {import("./marks.js").Told} told what findings say of cells @param {number} nowS */
export function csv(rows, nodes, told, nowS) {
  const head = ["wwid", "alias", "used-by", "size", "cluster-state", ...nodes];
  const body = rows.map((row) => [
    row.wwid,
    label(row) === row.wwid ? "" : label(row),
    row["used-by"] ?? "",
    row.size ?? "",
    known(row["cluster-state"]),
    ...nodes.map((node) => cellCsv(row, node, told, nowS)),
  ]);
  return [head, ...body].map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n";
}

/** `degraded 2 of 4`, and corner marks behind it as in the matrix. @param {LunRow} row @param {string} node
 * @param {import("./marks.js").Told} told @param {number} nowS */
function cellCsv(row, node, told, nowS) {
  const cell = row.nodes[node];
  if (!cell) return "";
  const active = cell["paths-active"] ?? "?";
  const total = cell["paths-expected"] ?? cell["paths-total"] ?? "?";
  const words = known(cell.state) === "missing" ? "missing" : `${known(cell.state)} ${active} of ${total}`;
  return `${words} ${marks(row, node, told, nowS)}`.trimEnd();
}

/** Also against spreadsheets that take a text for a formula. @param {string | number} value */
function quoted(value) {
  const text = String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
