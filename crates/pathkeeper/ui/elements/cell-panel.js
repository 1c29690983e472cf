// One LUN on one node, beside the matrix: its paths, its causes, the same LUN elsewhere. Nothing here changes anything.

import { get, part } from "../api.js";
import { h, keep, time } from "../h.js";
import { cellWords, toldOf } from "../model/marks.js";
import { href } from "../model/route.js";
import { cellText, compareNames, findingLine, fingerprint, known, label } from "../model/status.js";
import { command } from "./copy.js";
import { belief, tree } from "./paths.js";
import { Asked } from "./view.js";

/** Paths are asked for anew so often while they are looked at. */
const PATHS_S = 5;

export class CellPanel extends HTMLElement {
  #of = "";
  /** @type {Asked<import("../api-types.js").NodeDisks> | null} */
  #disks = null;
  /** @type {Asked<import("../api-types.js").Names>} */
  #names = new Asked(() => get("names"), () => this.#of !== "" && this.#disks?.data && this.#drawTree());
  #tree = h("div");
  #belief = h("div");
  #head = h("div");
  #causes = h("ul", { class: "lines-plain" });
  #others = h("ul", { class: "others" });
  #commands = h("div");
  #wwid = "";

  connectedCallback() {
    this.setAttribute("role", "complementary");
    this.setAttribute("aria-label", "Cell");
    this.hidden = this.#of === "";
    this.append(
      h("button", { type: "button", class: "shut", "aria-label": "Close", title: "Close (Escape)", onclick: () => this.shut() }, "×"),
      this.#head, this.#causes, this.#tree, this.#belief, h("h2", {}, "On the other nodes"), this.#others, h("h2", {}, "Commands"), this.#commands);
  }

  shut() {
    this.dispatchEvent(new Event("shut"));
  }

  /** @param {import("../model/status.js").LunRow | null} row @param {string} node
   * @param {import("../model/status.js").ClusterStatus} status @param {import("../store.js").Store} store */
  show(row, node, status, store) {
    const cell = row?.nodes[node];
    this.hidden = !row || !cell;
    if (!row || !cell) {
      this.#of = "";
      return;
    }
    this.#wwid = row.wwid;
    const of = `${row.wwid}/${node}`;
    if (of !== this.#of) {
      this.#of = of;
      this.#said("asking for its paths");
      this.#disks = new Asked(() => get(`/api2/json/nodes/${part(node)}/disks/multipath`), () => this.#of === of && this.#drawTree());
      this.#commands.replaceChildren(
        h("p", { class: "soft" }, `on ${node}`),
        command(`multipath -ll ${row.name ?? label(row)}`),
        command(`pathkeeper explain ${label(row)}`));
    }
    const words = cellWords(label(row), row, node, toldOf(status.findings));
    keep(this.#head, [{ key: "head", sig: [words, node], make: () => h("div", {},
      h("h2", { class: "title" }, h("a", { href: href("lun", row.wwid) }, label(row)), " on ", h("a", { href: href("node", node) }, node)),
      h("p", {}, h("span", { class: "state", "data-state": known(cell.state) }, words.slice(words.indexOf(": ") + 2)))) }]);
    const explained = status.findings.filter((finding) => cell.causes?.includes(fingerprint(finding)) ||
      (finding.scope.wwid === row.wwid && (finding.scope.node ?? node) === node));
    keep(this.#causes, explained.map((finding) => ({
      key: fingerprint(finding), sig: [finding.summary, finding.since],
      make: () => h("li", { "data-severity": finding.severity }, findingLine(finding), finding.since == null ? null : [", since ", time(finding.since)], " ", h("code", { class: "code" }, finding.code)),
    })));
    const others = Object.keys(row.nodes).filter((name) => name !== node).sort(compareNames);
    keep(this.#others, others.map((name) => ({
      key: name, sig: row.nodes[name],
      make: () => {
        const other = /** @type {import("../model/status.js").Cell} */ (row.nodes[name]);
        return h("li", {}, name, " ", h("span", { class: "state", "data-state": known(other.state) }, cellText(other)));
      },
    })));
    // Paths of another time are not kept; those of now would be a lie beside them.
    if (store.past) this.#said("of another time no paths are kept");
    else if (!store.paused || !this.#disks?.data) {
      this.#disks?.refresh(PATHS_S);
      this.#names.refresh(60);
    }
  }

  /** In the place of paths. @param {string} words @param {string} [how] */
  #said(words, how = "soft") {
    keep(this.#tree, [{ key: "said", sig: [words, how], make: () => h("p", { class: how }, words) }]);
    this.#belief.replaceChildren();
  }

  #drawTree() {
    const disks = this.#disks?.data;
    if (!disks) {
      this.#said(`its paths are not known: ${this.#disks?.error}`, "doubtful");
      return;
    }
    const map = disks.maps.find((map) => map.wwid === this.#wwid);
    const loose = disks.devices.filter((device) => device.wwid === this.#wwid);
    keep(this.#tree, [{ key: "tree", sig: [map, loose, this.#names.data?.digest], make: () => h("div", {},
      map ? tree(map, this.#names.data) : h("p", {}, "no map of it here"),
      loose.length > 0 ? h("p", {}, `devices that no map took: ${loose.map((device) => `${device.dev} (${device["loose-because"] ?? "why is not known"})`).join(", ")}`) : null) }]);
    this.#belief.replaceChildren(belief(disks));
  }
}

customElements.define("pk-cell", CellPanel);
