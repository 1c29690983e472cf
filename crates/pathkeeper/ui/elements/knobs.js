// Settings for all LUNs: what each means, what the document says, what is in force on the answering node, and what sets it.

import { h, keep } from "../h.js";
import { lookAtConfig } from "./allow-list.js";
import { write } from "./write.js";

/**
 * @typedef {import("../api-types.js").Setting} Setting
 * @typedef {import("../api-types.js").Keyword} Keyword
 */

/** What sets a value, as people call it. @type {Record<string, string>} */
const SET_BY = {
  lun: "the LUN's section", overrides: "overrides", device: "a section of its array", "hardware-table": "multipath's table of arrays",
  defaults: "defaults", "built-in": "multipath itself",
};

export class Knobs extends HTMLElement {
  #all = h("input", { type: "checkbox", onchange: () => this.#draw() });
  #table = h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "All settings" });
  #told = h("div", { role: "status" });
  /** @type {import("../api-types.js").Config | null} */
  #config = null;
  /** @type {import("../api-types.js").Schema | null} */
  #schema = null;
  #may = false;
  #again = () => {};

  connectedCallback() {
    this.append(h("p", {}, h("label", {}, this.#all, " show those too that nobody sets")), this.#table, this.#told);
  }

  /** @param {import("../api-types.js").Config} config @param {import("../api-types.js").Schema | null} schema
   * @param {boolean} may @param {() => void} again */
  show(config, schema, may, again) {
    this.#config = config;
    this.#schema = schema;
    this.#may = may;
    this.#again = again;
    this.#draw();
  }

  #draw() {
    const config = this.#config;
    if (!config) return;
    const isSet = (/** @type {Setting} */ knob) => knob.said != null || (knob["set-by"] != null && knob["set-by"] !== "built-in");
    const shown = Object.entries(config.defaults).filter(([, knob]) => this.#all.checked || isSet(knob));
    const titles = ["setting", "the document says", `in force on ${config.node}`, "set by", "by default", ""];
    keep(this.#table, shown.length === 0
      ? [{ key: "none", sig: "", make: () => h("p", { class: "soft" }, config["not-known"]?.length ? "What is set for all LUNs is not known." : "Nobody sets anything for all LUNs: multipath's own values are in force.") }]
      : [{ key: "table", sig: titles, make: () => h("table", {},
          h("thead", {}, h("tr", {}, ...titles.map((words) => h("th", { scope: "col" }, words || h("span", { class: "unseen" }, "change"))))), h("tbody")) }]);
    const body = this.#table.querySelector("tbody");
    // A row by itself: what somebody types in one is not lost when another changes.
    if (body) keep(body, shown.map(([key, knob]) => {
      const keyword = this.#schema?.settings[key];
      return { key, sig: [knob, keyword, this.#may], make: () => this.#row(key, knob, keyword) };
    }));
  }

  /** @param {string} key @param {Setting} knob @param {Keyword | undefined} keyword */
  #row(key, knob, keyword) {
    const by = knob["set-by"] == null ? null : SET_BY[knob["set-by"]] ?? knob["set-by"];
    const other = knob["as-said"] === false;
    return h("tr", { "data-setting": key },
      h("th", { scope: "row" }, key, keyword ? h("p", { class: "meaning" }, keyword.meaning) : null),
      h("td", { title: knob.line == null ? null : `multipath.cfg, line ${knob.line}` }, knob.said ?? h("span", { class: "soft" }, "nothing")),
      h("td", { class: other ? "problem" : "" }, knob["in-force"] ?? h("span", { class: "soft" }, "not known"), other ? " (not as said)" : null),
      h("td", {}, [by, knob.at].filter((part) => part != null).join(", ")),
      h("td", {}, keyword?.fixed != null ? "always this" : keyword?.default ?? ""),
      h("td", {}, this.#may && keyword?.fixed == null ? this.#change(key, knob, keyword) : null));
  }

  /** @param {string} key @param {Setting} knob @param {Keyword | undefined} keyword */
  #change(key, knob, keyword) {
    const open = h("button", { type: "button", class: "plain", "aria-label": `change ${key}`, onclick: () => edit() }, "change");
    const box = h("span", {}, open);
    const submit = (/** @type {string} */ value, /** @type {import("../api-types.js").Document} */ seen) => {
      const body = value === "" ? { delete: [key] } : { [key]: value };
      write(this.#told, { method: "PUT", path: "config/defaults", body, digest: seen.digest, mine: seen.text ?? "", mineTitle: "as you saw it",
        over: "set it in what stands now", said: value === "" ? `no ${key}` : `${key} ${value}`, look: lookAtConfig, done: () => {
        box.replaceChildren(open);
        this.#again();
      } });
    };
    const edit = () => {
      // What was looked at when this began: whoever wrote meanwhile is not written over unseen.
      const seen = this.#config?.config;
      if (!seen) return;
      const input = h("input", { name: key, value: knob.said ?? "", "aria-label": key });
      box.replaceChildren(h("form", { class: "inline", "data-typing": true, onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        submit(input.value.trim(), seen);
      } }, input, h("button", { type: "submit", class: "main" }, "Write"),
        h("button", { type: "button", onclick: () => { box.replaceChildren(open); open.focus(); } }, "Cancel"),
        h("span", { class: "soft" }, [keyword?.takes, "empty: the document says nothing of it"].filter(Boolean).join("; "))));
      input.focus();
    };
    return box;
  }
}

customElements.define("pk-knobs", Knobs);
