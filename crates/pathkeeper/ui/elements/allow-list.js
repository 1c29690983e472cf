// The LUNs that are allowed, their names and wishes; and those that are seen and not watched.

import { get, part } from "../api.js";
import { h, keep } from "../h.js";
import { plural, shortWwid, size } from "../format.js";
import { href } from "../model/route.js";
import { compareNames } from "../model/status.js";
import { problem, write } from "./write.js";

/** @typedef {import("../api-types.js").Config} ConfigData */

export class AllowList extends HTMLElement {
  #table = h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "LUNs" });
  #told = h("div", { role: "status" });
  #found = h("div");
  /** @type {ConfigData | null} */
  #config = null;
  #again = () => {};

  connectedCallback() {
    this.append(this.#table, this.#told,
      h("p", { class: "buttons" }, h("button", { type: "button", onclick: () => this.#discover() }, "What is seen and not watched?")), this.#found);
  }

  /** @param {ConfigData} config @param {boolean} may @param {() => void} again */
  show(config, may, again) {
    this.#config = config;
    this.#again = again;
    const luns = Object.entries(config.luns).sort(([a, x], [b, y]) => compareNames(x.alias ?? x.map ?? a, y.alias ?? y.map ?? b));
    keep(this.#table, [{
      key: "luns", sig: [config.luns, config.config.digest, may],
      make: () => luns.length === 0 ? h("p", { class: "soft" }, "The document allows no LUN, and the answering node has no map.") : h("table", {},
        h("thead", {}, h("tr", {}, ...["alias", "WWID", "allowed", `map on ${config.node}`, "used by", "nodes", "expected paths", "comment", ""].map((words) => h("th", { scope: "col" }, words || h("span", { class: "unseen" }, "change"))))),
        h("tbody", {}, ...luns.map(([wwid, lun]) => h("tr", { "data-config-lun": wwid },
          h("th", { scope: "row" }, lun.alias ?? h("span", { class: "soft" }, "none")),
          h("td", {}, h("a", { href: href("lun", wwid), title: wwid }, shortWwid(wwid))),
          h("td", {}, lun.allowed == null ? "not known" : lun.allowed ? "yes" : "no"),
          h("td", {}, lun.map ?? "", lun.alias && lun.map && lun.alias !== lun.map ? h("span", { class: "problem" }, " other name") : null),
          h("td", {}, lun["used-by"] ?? ""), h("td", {}, lun.nodes?.join(", ") ?? ""), h("td", { class: "number" }, lun["expected-paths"] ?? ""), h("td", {}, lun.comment ?? ""),
          h("td", {}, may ? this.#actions(wwid, lun) : null))))),
    }]);
  }

  /** @param {string} wwid @param {import("../api-types.js").ConfigLun} lun */
  #actions(wwid, lun) {
    const name = lun.alias ?? lun.map ?? wwid;
    if (!lun.allowed) {
      return h("button", { type: "button", class: "plain", "aria-label": `allow ${name}`,
        onclick: () => this.#write("POST", "luns", { wwid, ...(lun.map && lun.map !== wwid ? { alias: lun.map } : {}) }) }, "allow");
    }
    return h("span", {},
      h("button", { type: "button", class: "plain", "aria-label": `change ${name}`, onclick: (/** @type {any} */ event) => this.#edit(event.currentTarget.parentElement, wwid, lun) }, "change"), " ",
      h("button", { type: "button", class: "plain", "aria-label": `take ${name} off`, onclick: () => this.#write("DELETE", `luns/${part(wwid)}`, {}) }, "take off"));
  }

  /** @param {HTMLElement} box @param {string} wwid @param {import("../api-types.js").ConfigLun} lun */
  #edit(box, wwid, lun) {
    const fields = /** @type {[string, string][]} */ ([["alias", lun.alias ?? ""], ["nodes", lun.nodes?.join(",") ?? ""],
      ["expected-paths", String(lun["expected-paths"] ?? "")], ["comment", lun.comment ?? ""]]);
    const inputs = fields.map(([key, value]) => ({ key, before: value, input: h("input", { name: key, value }) }));
    const form = h("form", { class: "inline", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const set = inputs.filter(({ before, input }) => input.value !== before && input.value !== "").map(({ key, input }) => [key, input.value]);
      const gone = inputs.filter(({ before, input }) => before !== "" && input.value === "").map(({ key }) => key);
      this.#write("PUT", `luns/${part(wwid)}`, { ...Object.fromEntries(set), ...(gone.length > 0 ? { delete: gone } : {}) });
    } }, ...inputs.map(({ key, input }) => h("label", {}, `${key} `, input)), h("button", { type: "submit", class: "main" }, "Write"));
    box.replaceChildren(form);
    inputs[0]?.input.focus();
  }

  /** @param {"POST" | "PUT" | "DELETE"} method @param {string} path @param {Record<string, unknown>} body */
  #write(method, path, body) {
    const seen = this.#config?.config;
    if (!seen) return;
    write(this.#told, { method, path, body, digest: seen.digest, mine: seen.text ?? "", mineTitle: "as you saw it", look: lookAtConfig, done: () => this.#again() });
  }

  async #discover() {
    this.#found.replaceChildren(h("p", { class: "soft" }, "asking"));
    try {
      /** @type {import("../api-types.js").Discovered} */
      const found = await get("discover");
      const silent = found.nodes.filter((node) => !node.current);
      this.#found.replaceChildren(
        h("p", {}, `${plural(found.luns.length, "LUN")} ${found.luns.length === 1 ? "is" : "are"} seen and not watched`),
        ...silent.map((node) => h("p", { class: "doubtful" }, `${node.node}: ${node.why ?? "what it sees is not known now"}`)),
        ...found.luns.map((lun) => h("article", { class: "seen-lun" },
          h("p", {}, h("code", {}, lun.wwid), ` ${lun.product ?? ""} ${size(lun.size)} on ${Object.keys(lun.nodes).sort(compareNames).join(", ")} `,
            h("button", { type: "button", class: "plain", onclick: () => this.#write("POST", "luns", { wwid: lun.wwid }) }, "allow")),
          ...lun.notes.map((note) => h("p", { class: note.warning ? "problem" : "soft" }, note.text)))));
    } catch (error) {
      this.#found.replaceChildren(problem(error));
    }
  }
}

export async function lookAtConfig() {
  /** @type {ConfigData} */
  const now = await get("config");
  return { digest: now.config.digest, text: now.config.text ?? "" };
}

customElements.define("pk-allow-list", AllowList);
