// What the cells of the matrix tell beside their states, by colour and by text. No DOM here.

import { size } from "../format.js";
import { cellText, known } from "./status.js";

/**
 * @typedef {import("./status.js").LunRow} LunRow
 * @typedef {import("../api-types.js").Luns} Luns
 * @typedef {{text: string, tint: string, words: string}} Look a cell's text, what stands out of it (`odd`, `plain`, or nothing for the state), words to hear
 * @typedef {object} Tint
 * @property {"luns" | "disks" | null} asks what is asked for beside the status
 * @property {(row: LunRow, node: string, beside: Beside) => Look | null} look null: as the state
 *
 * @typedef {object} Beside
 * @property {Map<string, import("../api-types.js").Lun> | null} luns by WWID
 * @property {import("./fabrics.js").Fabrics | null} fabrics
 * @property {import("./controllers.js").Controllers | null} controllers
 */

/** @type {Record<string, Tint>} */
export const TINTS = {
  queueing: {
    asks: null,
    look: (row, node) => {
      const cell = row.nodes[node];
      if (!cell) return null;
      return cell.queueing
        ? { text: "queues", tint: "odd", words: "I/O waits for a path" }
        : { text: known(cell.state) === "unknown" ? "?" : "·", tint: "plain", words: known(cell.state) === "unknown" ? "not known" : "no I/O waits" };
    },
  },
  fabric: {
    asks: "disks",
    look: (row, node, { fabrics }) => {
      const cell = row.nodes[node];
      if (!cell) return null;
      const counts = fabrics?.usable.get(node)?.get(row.wwid);
      if (known(cell.state) === "missing") return { text: cellText(cell), tint: "odd", words: "no map" };
      if (!fabrics || !counts || known(cell.state) === "unknown") return { text: "?", tint: "plain", words: "fabrics not known" };
      // The fabrics that any node has to this LUN: one that is missing here is what is looked for.
      const wanted = fabrics.all.filter((name) => [...fabrics.usable.values()].some((luns) => luns.get(row.wwid)?.has(name)));
      const numbers = wanted.map((name) => counts.get(name) ?? 0);
      return {
        text: numbers.join("+"), tint: numbers.includes(0) ? "odd" : "plain",
        words: wanted.map((name, n) => `${numbers[n]} usable over fabric ${name}`).join(", "),
      };
    },
  },
  controller: {
    asks: "disks",
    look: (row, node, { controllers }) => {
      const cell = row.nodes[node];
      if (!cell) return null;
      if (known(cell.state) === "missing") return { text: cellText(cell), tint: "odd", words: "no map" };
      const use = controllers?.on.get(node)?.get(row.wwid);
      if (!controllers || !use || known(cell.state) === "unknown") return { text: "?", tint: "plain", words: "its controller is not known" };
      if (use.names.length === 0) return { text: cellText(cell), tint: "odd", words: "no usable path to any controller" };
      const usual = controllers.usual.get(row.wwid) ?? [];
      // One of two is no other one.
      const other = usual.length > 0 && !use.names.some((name) => usual.includes(name));
      const name = use.names.join("+").replaceAll("+port ", "+");
      const words = [
        `I/O over ${name} (${use.ports.join(", ")})`,
        use.how === "other" ? "NOT the preferred one, though a path to that is usable" : use.lost ? "no path to the preferred one is usable" : use.how === "preferred" ? "the preferred one" : "which one is preferred is not known",
        other ? `other nodes use ${usual.join("+")}: an array may move the LUN to and fro` : null,
      ];
      const odd = use.how === "other" || use.lost || other;
      const short = name.replace("port ", "");
      return { text: odd ? `! ${short}` : short, tint: odd ? "odd" : "plain", words: words.filter(Boolean).join(", ") };
    },
  },
  size: {
    asks: "luns",
    look: (row, node, { luns }) => {
      const cell = row.nodes[node];
      if (!cell) return null;
      const sizes = luns?.get(row.wwid)?.nodes ?? {};
      const bytes = sizes[node]?.size;
      if (bytes == null || known(cell.state) === "missing") return { text: known(cell.state) === "missing" ? cellText(cell) : "?", tint: "plain", words: "size not known" };
      const usual = mostly(Object.values(sizes).map((on) => on.size));
      return { text: size(bytes), tint: bytes === usual ? "plain" : "odd", words: bytes === usual ? size(bytes) : `${size(bytes)}, others have ${size(usual)}` };
    },
  },
};

/** The value that most have; of several the first. @template T @param {(T | null | undefined)[]} values @returns {T | undefined} */
export function mostly(values) {
  /** @type {Map<T, number>} */
  const counts = new Map();
  for (const value of values) if (value != null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}
