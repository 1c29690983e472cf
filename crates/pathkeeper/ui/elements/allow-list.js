// The LUNs that are allowed, their names and wishes; and those that are seen and not watched.

import { get, part } from "../api.js";
import { h, keep } from "../h.js";
import { plural, shortWwid, size } from "../format.js";
import { href } from "../model/route.js";
import { compareNames } from "../model/status.js";
import { problem, write } from "./write.js";

/** @typedef {import("../api-types.js").Config} ConfigData */

/** Of more LUNs than this a part is listed, and how many are not. */
const LISTED_MAX = 300;

export class AllowList extends HTMLElement {
  #name = h("input", { type: "search", name: "lun-name", autocomplete: "off", spellcheck: "false", oninput: () => this.#draw() });
  #search = h("p", {}, h("label", {}, "name or WWID ", this.#name));
  #table = h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "All LUNs" });
  #more = h("p", { class: "soft" });
  #told = h("div", { role: "status" });
  #found = h("div");
  /** @type {ConfigData | null} */
  #config = null;
  #may = false;
  #again = () => {};

  connectedCallback() {
    this.append(this.#search, this.#table, this.#more, this.#told,
      h("p", { class: "buttons" }, h("button", { type: "button", onclick: () => this.#discover() }, "What is seen and not watched?")), this.#found);
  }

  /** @param {ConfigData} config @param {boolean} may @param {() => void} again */
  show(config, may, again) {
    this.#config = config;
    this.#may = may;
    this.#again = again;
    this.#draw();
  }

  #draw() {
    const config = this.#config;
    if (!config) return;
    const luns = Object.entries(config.luns).sort(([a, x], [b, y]) => compareNames(x.alias ?? x.map ?? a, y.alias ?? y.map ?? b));
    const name = this.#name.value.trim().toLowerCase();
    const wanted = luns.filter(([wwid, lun]) => [wwid, lun.alias ?? "", lun.map ?? "", lun["used-by"] ?? ""].some((text) => text.toLowerCase().includes(name)));
    this.#search.hidden = luns.length < 20 && name === "";
    this.#more.textContent = wanted.length > LISTED_MAX ? `${LISTED_MAX} of ${plural(wanted.length, "LUN")} are listed: type a part of a name.`
      : wanted.length < luns.length ? `${wanted.length} of ${plural(luns.length, "LUN")}` : "";
    const titles = ["alias", "WWID", "allowed", `map on ${config.node}`, "used by", "nodes", "expected paths", "comment", ""];
    keep(this.#table, luns.length === 0
      ? [{ key: "none", sig: "", make: () => h("p", { class: "soft" }, "The document allows no LUN, and the answering node has no map.") }]
      : [{ key: "table", sig: titles, make: () => h("table", {},
          h("thead", {}, h("tr", {}, ...titles.map((words) => h("th", { scope: "col" }, words || h("span", { class: "unseen" }, "change"))))), h("tbody")) }]);
    const body = this.#table.querySelector("tbody");
    // A row by itself: what somebody types in one is not lost when another changes.
    if (body) keep(body, wanted.slice(0, LISTED_MAX).map(([wwid, lun]) => ({ key: wwid, sig: [lun, this.#may], make: () => this.#row(wwid, lun) })));
  }

  /** @param {string} wwid @param {import("../api-types.js").ConfigLun} lun */
  #row(wwid, lun) {
    return h("tr", { "data-config-lun": wwid },
      h("th", { scope: "row" }, lun.alias ?? h("span", { class: "soft" }, "none")),
      h("td", {}, h("a", { href: href("lun", wwid), title: wwid }, shortWwid(wwid))),
      h("td", {}, lun.allowed == null ? "not known" : lun.allowed ? "yes" : "no"),
      h("td", {}, lun.map ?? "", lun.alias && lun.map && lun.alias !== lun.map ? h("span", { class: "problem" }, " (another name)") : null),
      h("td", {}, lun["used-by"] ?? ""), h("td", {}, lun.nodes?.join(", ") ?? ""), h("td", { class: "number" }, lun["expected-paths"] ?? ""), h("td", {}, lun.comment ?? ""),
      h("td", {}, this.#may ? this.#actions(wwid, lun) : null));
  }

  /** @param {string} wwid @param {import("../api-types.js").ConfigLun} lun */
  #actions(wwid, lun) {
    const name = lun.alias ?? lun.map ?? wwid;
    if (!lun.allowed) {
      const alias = lun.map && lun.map !== wwid ? { alias: lun.map } : {};
      return h("button", { type: "button", class: "plain", "aria-label": `allow ${name}`, onclick: () => this.#write("POST", "luns", { wwid, ...alias }) }, "allow");
    }
    const change = h("button", { type: "button", class: "plain", "aria-label": `change ${name}` }, "change");
    const off = h("button", { type: "button", class: "plain", "aria-label": `take ${name} off`, onclick: () => this.#write("DELETE", `luns/${part(wwid)}`, {}) }, "take off");
    const box = h("span", {}, change, " ", off);
    const shut = () => box.replaceChildren(change, " ", off);
    change.addEventListener("click", () => this.#edit(box, wwid, lun, shut));
    return box;
  }

  /** @param {HTMLElement} box @param {string} wwid @param {import("../api-types.js").ConfigLun} lun @param {() => void} shut */
  #edit(box, wwid, lun, shut) {
    // What was looked at when this began: whoever wrote meanwhile is not written over unseen.
    const seen = this.#config?.config;
    const fields = /** @type {[string, string][]} */ ([["alias", lun.alias ?? ""], ["nodes", lun.nodes?.join(",") ?? ""],
      ["expected-paths", String(lun["expected-paths"] ?? "")], ["comment", lun.comment ?? ""]]);
    const inputs = fields.map(([key, value]) => ({ key, before: value, input: h("input", { name: key, value }) }));
    const form = h("form", { class: "inline", "data-typing": true, onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      const set = inputs.filter(({ before, input }) => input.value !== before && input.value !== "").map(({ key, input }) => [key, input.value]);
      const gone = inputs.filter(({ before, input }) => before !== "" && input.value === "").map(({ key }) => key);
      this.#write("PUT", `luns/${part(wwid)}`, { ...Object.fromEntries(set), ...(gone.length > 0 ? { delete: gone } : {}) }, seen, shut);
    } }, ...inputs.map(({ key, input }) => h("label", {}, `${key} `, input)), h("button", { type: "submit", class: "main" }, "Write"),
      h("button", { type: "button", onclick: shut }, "Cancel"));
    box.replaceChildren(form);
    inputs[0]?.input.focus();
  }

  /** @param {"POST" | "PUT" | "DELETE"} method @param {string} path @param {Record<string, unknown>} body
   * @param {import("../api-types.js").Document} [seen] what was looked at; else what is shown now @param {() => void} [then] */
  #write(method, path, body, seen = this.#config?.config, then = () => {}) {
    if (!seen) return;
    write(this.#told, { method, path, body, digest: seen.digest, mine: seen.text ?? "", mineTitle: "as you saw it",
      over: "do it to what stands now", said: words(method, path, body), look: lookAtConfig, done: () => {
      then();
      this.#again();
    } });
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

/** What was to be done, for who was slower than somebody else. @param {string} method @param {string} path @param {Record<string, unknown>} body */
function words(method, path, { wwid, delete: gone, ...set }) {
  const lun = decodeURIComponent(path.slice("luns/".length)) || String(wwid ?? "");
  if (method === "DELETE") return `take ${lun} off`;
  const parts = [...Object.entries(set).map(([key, value]) => `${key} ${value}`), ...(Array.isArray(gone) ? gone.map((key) => `no ${key}`) : [])];
  return `${method === "POST" ? "allow " : ""}${[lun, ...parts].join(", ")}`;
}

export async function lookAtConfig() {
  /** @type {ConfigData} */
  const now = await get("config");
  return { digest: now.config.digest, text: now.config.text ?? "" };
}

customElements.define("pk-allow-list", AllowList);
