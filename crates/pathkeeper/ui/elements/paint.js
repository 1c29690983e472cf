// How cells and headers of the matrix look.

import { h } from "../h.js";
import { list, plural, shortWwid, span } from "../format.js";
import { guestWords, guestsByLun } from "../model/guests.js";
import { cellWords, marks } from "../model/marks.js";
import { cellText, isUnexplained, known, label, nodeHealth, reading, stateWords } from "../model/status.js";

/**
 * @typedef {object} Options
 * @property {Map<string, import("../model/status.js").NodeRow>} nodes
 * @property {import("../model/tint.js").Tint | null} tint
 * @property {import("../model/marks.js").Told} told
 * @property {number} nowS
 * @property {import("../api-types.js").Luns | null} luns
 * @property {{fabrics: import("../model/fabrics.js").Fabrics, controllers: import("../model/controllers.js").Controllers} | null} paths
 * @property {import("../api-types.js").Guests | null} guests null or not known: nothing is said of them
 * @property {(line: import("../model/rows.js").Line, name: string | null) => void} open
 * @property {(name: string) => void} openColumn
 */

/** @param {Options} options @returns {import("./grid.js").Painter} */
export function painter({ nodes, tint, told, nowS, luns, paths, guests, open, openColumn }) {
  const users = guests?.known ? guestsByLun(guests) : null;
  const beside = { luns: luns ? new Map(luns.luns.map((lun) => [lun.wwid, lun])) : null, fabrics: paths?.fabrics ?? null, controllers: paths?.controllers ?? null };
  return {
    open,
    openColumn,
    column: (name) => {
      const node = nodes.get(name);
      // Before the nodes were asked for nothing is said of them; that is a moment.
      const health = node ? nodeHealth(node) : "well";
      const words = node ? nodeWords(node) : "";
      return h("div", {
        role: "columnheader", class: "column", "data-fresh": health === "unknown" ? "no" : "yes", "data-daemon": health === "ill" ? "ill" : null,
        "data-node-name": name, title: node ? `${node.status}, report ${node.report}, multipathd ${node.multipathd ?? "unknown"}` : null,
      }, h("span", { class: "name" }, name), h("span", { class: "words" }, words));
    },
    header: (line) => {
      const row = line.row;
      if (!row) return h("div", { role: "rowheader", class: "name group-name" }, line.text);
      const state = reading(row);
      return h("div", { role: "rowheader", class: "name", title: row.wwid, "data-wwid": row.wwid, "data-lun": label(row), "data-cluster-state": state },
        h("span", { class: "alias" }, label(row) === row.wwid ? shortWwid(row.wwid) : label(row)),
        label(row) === row.wwid ? null : h("span", { class: "wwid" }, `…${row.wwid.slice(-6)}`),
        users ? using(users.get(row.wwid) ?? []) : null,
        h("span", { class: "state", "data-state": state === "doubt" ? "unknown" : state }, stateWords(row)));
    },
    cell: (line, name) => {
      const row = line.row;
      const cell = row?.nodes[name];
      if (!row || !cell) return null;
      const state = known(cell.state);
      const look = tint?.look(row, name, beside) ?? null;
      const node = nodes.get(name);
      // The column of a node that is not heard is dark as a whole: a hundred question marks say no more.
      const dark = state === "unknown" && node && node.report !== "fresh";
      const words = cellWords(label(row), row, name, told);
      const corner = look ? "" : marks(row, name, told, nowS);
      return h("div", {
        role: "gridcell", class: "cell", "data-of": row.wwid, "data-node": name, "data-state": state,
        "data-unexplained": isUnexplained(cell), "data-dark": dark,
        "data-marks": corner || null, "data-since": corner.startsWith("Q") ? told.since(row, name) : null, "data-tint": look?.tint ?? null,
        "aria-label": look ? `${words}; ${look.words}` : words,
      }, dark ? "" : look ? look.text : cellText(cell));
    },
  };
}

/** Who needs it. @param {import("../api-types.js").Guest[]} guests */
function using(guests) {
  if (guests.length === 0) return null;
  return h("span", { class: "guests", title: list(guests.map(guestWords), 20) }, plural(guests.length, "guest"));
}

/** Beneath a column's name: nothing where all is well. @param {import("../model/status.js").NodeRow} node */
function nodeWords(node) {
  if (node.report !== "fresh") return node["report-age-s"] == null ? node.report : `${node.report} ${span(node["report-age-s"])}`;
  if (node.status !== "online") return node.status;
  if ((node.settling ?? 0) > 0) return `settling ${plural(node.settling ?? 0, "LUN")}`;
  if (node.multipathd && node.multipathd !== "running") return `mpathd ${node.multipathd}`;
  return node.multipathd ? "" : "mpathd ?";
}
