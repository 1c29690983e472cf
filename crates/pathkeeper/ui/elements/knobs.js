// Settings for all LUNs: what the document says, what is in force on the answering node, and what sets it.

import { h, keep } from "../h.js";
import { lookAtConfig } from "./allow-list.js";
import { write } from "./write.js";

export class Knobs extends HTMLElement {
  #all = h("input", { type: "checkbox", onchange: () => this.#draw() });
  #table = h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Settings" });
  #told = h("div", { role: "status" });
  /** @type {import("../api-types.js").Config | null} */
  #config = null;
  #may = false;
  #again = () => {};

  connectedCallback() {
    this.append(h("p", {}, h("label", {}, this.#all, " also those that nobody sets")), this.#table, this.#told);
  }

  /** @param {import("../api-types.js").Config} config @param {boolean} may @param {() => void} again */
  show(config, may, again) {
    this.#config = config;
    this.#may = may;
    this.#again = again;
    this.#draw();
  }

  #draw() {
    const config = this.#config;
    if (!config) return;
    const set = Object.entries(config.defaults).filter(([, knob]) => this.#all.checked || knob.said != null || (knob["set-by"] != null && knob["set-by"] !== "built-in"));
    keep(this.#table, [{
      key: "knobs", sig: [set, config.config.digest, this.#may],
      make: () => h("table", {},
        h("thead", {}, h("tr", {}, ...["setting", "the document says", `in force on ${config.node}`, "set by", ""].map((words) => h("th", { scope: "col" }, words || h("span", { class: "unseen" }, "change"))))),
        h("tbody", {}, ...set.map(([key, knob]) => h("tr", {},
          h("th", { scope: "row" }, key), h("td", {}, knob.said ?? h("span", { class: "soft" }, "nothing")),
          h("td", { class: knob["as-said"] === false ? "problem" : "" }, knob["in-force"] ?? h("span", { class: "soft" }, "not known")),
          h("td", {}, [knob["set-by"], knob.at, knob.line == null ? null : `line ${knob.line}`].filter((part) => part != null).join(", ")),
          h("td", {}, this.#may ? this.#change(key, knob) : null))))),
    }]);
  }

  /** @param {string} key @param {import("../api-types.js").Setting} knob */
  #change(key, knob) {
    const box = h("span", {}, h("button", { type: "button", class: "plain", "aria-label": `change ${key}`, onclick: edit }, "change"));
    const submit = (/** @type {string} */ value) => {
      const seen = this.#config?.config;
      if (!seen) return;
      const body = value === "" ? { delete: [key] } : { [key]: value };
      write(this.#told, { method: "PUT", path: "config/defaults", body, digest: seen.digest, mine: seen.text ?? "", mineTitle: "as you saw it", look: lookAtConfig, done: () => this.#again() });
    };
    return box;
    function edit() {
      const input = h("input", { name: key, value: knob.said ?? "", "aria-label": key });
      box.replaceChildren(h("form", { class: "inline", onsubmit: (/** @type {Event} */ event) => {
        event.preventDefault();
        submit(input.value);
      } }, input, h("button", { type: "submit", class: "main" }, "Write"), h("span", { class: "soft" }, "empty = say nothing")));
      input.focus();
    }
  }
}

customElements.define("pk-knobs", Knobs);
