// What the marks of the matrix mean.

import { h } from "../h.js";

/** @returns {HTMLDialogElement} */
export function legend() {
  const state = (/** @type {string} */ word, /** @type {string} */ meaning) =>
    [h("dt", {}, h("span", { class: "state", "data-state": word }, word)), h("dd", {}, meaning)];
  const dialog = h("dialog", { class: "legend", "aria-label": "Legend" },
    h("h2", {}, "Legend"),
    h("dl", {},
      ...state("optimal", "every path that should be there is usable"),
      ...state("degraded", "usable, with fewer paths than there should be"),
      ...state("missing", "no map on a node that should carry it"),
      ...state("failed", "a map without a usable path"),
      ...state("unknown", "nobody knows: do not take it for healthy"),
      h("dt", {}, "2/4"), h("dd", {}, "usable of expected paths"),
      h("dt", {}, "Q13m"), h("dd", {}, "I/O waits for a path, and for how long, where that is known"),
      h("dt", {}, "s"), h("dd", {}, "another size here than elsewhere, or than its paths have"),
      h("dt", {}, "~"), h("dd", {}, "a path of it comes and goes"),
      h("dt", {}, "m"), h("dd", {}, "somebody muted what is said of it; it is as it is"),
      h("dt", {}, h("span", { class: "swatch", "data-unexplained": true })), h("dd", {}, "no listed cause explains it: look here"),
      h("dt", {}, h("span", { class: "swatch", "data-dark": true })), h("dd", {}, "the node is not heard; its whole column is hatched"),
      h("dt", {}, "empty"), h("dd", {}, "not expected there")),
    h("p", { class: "soft" }, "Arrows, Home, End and the page keys move; Enter opens a cell, a LUN or a node; Escape closes; ? shows this."),
    h("p", { class: "buttons" }, h("button", { type: "button", onclick: () => dialog.close() }, "Close")));
  return dialog;
}
