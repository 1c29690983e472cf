// One node: adapters by target ports, its maps and paths, its multipathd, and what may be done to it now.

import { get, part } from "../api.js";
import { h, keep, stateMark, time } from "../h.js";
import { now, plural, size, span } from "../format.js";
import { href } from "../model/route.js";
import { fingerprint, known, nodeHealth } from "../model/status.js";
import { colons, portGrid, portName } from "../model/paths.js";
import { card } from "./causes.js";
import { bringStyles } from "./detail.js";
import { eventItems, historyWords } from "./events.js";
import { belief, tree } from "./paths.js";
import { Asked, View } from "./view.js";

const ASK_S = 5;
const NAMES_S = 60;
/** So old an answer to "may I" is no answer any more. */
const CAN_S = 30;
/** Maps are listed up to here; the matrix has all of them. */
const MAPS_SHOWN = 200;

/** @type {Record<string, string>} */
const VERDICTS = { yes: "YES", "yes-but": "YES, BUT", no: "NO", "cannot-tell": "CANNOT TELL" };

export class NodeView extends View {
  #title = h("div");
  #findings = h("div", { class: "cards" });
  #ports = h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Usable paths by pair of ports" });
  #belief = h("div");
  #can = h("div", { class: "can-answer", role: "status" });
  /** What was asked last, and when, epoch seconds. @type {{words: string, at: number} | null} */
  #canAsked = null;
  #canForm = h("div", { class: "buttons" });
  #maps = h("div", { class: "maps" });
  #events = h("ol", { class: "events" });
  #eventsNote = h("div");
  #mapsTitle = h("h2", {}, "Maps");
  /** @type {Asked<import("../api-types.js").NodeDisks>} */
  #disks = new Asked(() => get(`/api2/json/nodes/${part(this.route.name)}/disks/multipath`), () => this.#drawDisks());
  /** @type {Asked<import("../api-types.js").Names>} */
  #names = new Asked(() => get("names"), () => this.#drawDisks());
  /** @type {Asked<import("../api-types.js").Rollouts>} */
  #rollout = new Asked(() => get("rollout"), () => this.draw());
  #history = new Asked(() => get(`nodes/${part(this.route.name)}/history`, { limit: 100 }), () => this.#drawHistory());

  build() {
    bringStyles();
    this.append(this.#title,
      h("section", { "aria-label": "What is wrong" }, h("h2", { class: "unseen" }, "What is wrong"), this.#findings),
      h("section", { "aria-label": "Ports" }, h("h2", {}, "Adapters and target ports: usable/expected paths"), this.#ports, this.#belief),
      h("section", { "aria-label": "May it be done" }, h("h2", {}, "May I…"), this.#canForm, this.#can),
      h("section", { "aria-label": "Maps" }, this.#mapsTitle, this.#maps),
      h("section", { "aria-label": "Timeline" }, h("h2", {}, "Timeline"), this.#events, this.#eventsNote));
  }

  draw() {
    const { status } = this.store;
    if (!status || this.session.needed) return;
    this.#drawTitle();
    const minute = Math.floor(this.store.nowS / 60);
    const here = status.findings.filter((finding) => finding.scope.node === this.route.name || finding.explains?.nodes.includes(this.route.name));
    keep(this.#findings, here.slice(0, 30).map((finding) => ({
      key: fingerprint(finding), sig: [finding, minute, this.session.mayChange],
      make: () => card(finding, { nowS: this.store.nowS, session: this.session, links: true }),
    })));
    this.#ageCan();
    // Who holds the page still while they read is not moved by this either.
    if (this.store.paused) return;
    for (const asked of [this.#disks, this.#history, this.#rollout]) asked.refresh(ASK_S);
    this.#names.refresh(NAMES_S);
  }

  #drawTitle() {
    const name = this.route.name;
    const node = this.store.nodes.get(name);
    const disks = this.#disks.data;
    const apply = this.store.status?.nodes[name];
    const progress = this.#rollout.data?.rollout?.nodes[name];
    const state = { well: "optimal", ill: "failed", unknown: "unknown" }[nodeHealth(node)];
    keep(this.#title, [{
      key: "title", sig: [node, apply, progress, disks?.["multipathd-since"], disks?.["multipathd-pid"]],
      make: () => h("header", { class: "title" },
        h("h1", { tabindex: "-1", "data-focus": "title" }, name, " ", stateMark(state, node ? `${node.status}, report ${node.report}` : "not known here")),
        node ? h("dl", { class: "facts-list" }, ...pairs([
          ["multipathd", [node.multipathd ?? "not known", node["multipathd-why"]].filter(Boolean).join(": ")],
          ["process", disks?.["multipathd-pid"] ? h("span", {}, String(disks["multipathd-pid"]), disks["multipathd-since"] ? ", seen since " : "", disks["multipathd-since"] ? time(disks["multipathd-since"]) : "") : null],
          ["multipath-tools", node["multipath-tools"] ?? null],
          ["report", node["report-age-s"] == null ? node["report-why"] ?? null : `${span(node["report-age-s"])} old when asked${node["report-why"] ? `: ${node["report-why"]}` : ""}`],
          ["settling", (node.settling ?? 0) > 0 ? `it has just booted: ${plural(node.settling ?? 0, "LUN")} awaited` : null],
          ["mode", node.mode === "manage" ? "manage: what a rollout brings is applied" : node.mode ? "observe: nothing is written" : null],
          ["last apply", apply ? h("span", { class: "problem" }, apply["apply-error"]) : null],
          ["rollout", progress?.state ? `${progress.state}${progress.why ? `: ${progress.why}` : ""}` : null],
          ["drift", progress?.drift ? h("span", { class: "problem" }, progress.drift) : null],
          ["clock", Math.abs(node["clock-skew-s"] ?? 0) > 30 ? h("span", { class: "problem" }, `${node["clock-skew-s"]} s off`) : null],
          ["kernel", node.kernel ?? null],
          ["pathkeeper", node.pathkeeper ?? null],
        ])) : null,
        h("p", { class: "links" }, h("a", { href: href("matrix", "", { node: name }) }, "in the matrix"))),
    }]);
  }

  #drawDisks() {
    const disks = this.#disks.data;
    this.#drawTitle();
    if (!disks) {
      keep(this.#ports, [{ key: "not known", sig: this.#disks.error, make: () => h("p", { class: "doubtful" }, `not known: ${this.#disks.error}`) }]);
      this.#belief.replaceChildren();
      keep(this.#maps, []);
      return;
    }
    this.#drawPorts(disks);
    this.#drawCan(disks);
    this.#mapsTitle.textContent = `Maps (${disks.maps.length})`;
    const names = this.#names.data;
    keep(this.#maps, disks.maps.slice(0, MAPS_SHOWN).map((map) => ({
      key: map.wwid, sig: [map, names?.digest],
      make: () => h("details", {},
        h("summary", {}, h("span", { class: "map-name" }, map.name), " ", stateMark(known(map.state), `${map["paths-active"] ?? "?"}/${map["paths-expected"] ?? map["paths-total"] ?? "?"}`),
          h("span", { class: "soft" }, ` ${size(map.size)}`)),
        tree(map, names), h("p", {}, h("a", { href: href("lun", map.wwid) }, "the LUN"))),
    })));
    if (disks.maps.length > MAPS_SHOWN) this.#mapsTitle.textContent += `, ${MAPS_SHOWN} of them listed`;
  }

  /** @param {import("../api-types.js").NodeDisks} disks */
  #drawPorts(disks) {
    const grid = portGrid(disks);
    const names = this.#names.data;
    const adapter = (/** @type {string} */ name) => disks.adapters.find((adapter) => adapter.name === name);
    keep(this.#ports, [{
      key: "ports", sig: [disks.adapters, grid.rows, grid.columns, grid.rows.map((row) => grid.columns.map((column) => grid.at(row, column))), names?.digest, grid.absent, disks.problems],
      make: () => h("div", {}, h("table", { class: "ports" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "adapter"), h("th", { scope: "col" }, "link"),
          ...grid.columns.map((port) => h("th", { scope: "col", class: "number", title: colons(port) }, portName(port, names))))),
        h("tbody", {}, ...grid.rows.map((row) => {
          const known_ = adapter(row);
          return h("tr", {}, h("th", { scope: "row", title: known_?.["port-name"] ? colons(known_["port-name"]) : null }, row),
            h("td", {}, known_ ? `${known_.link ?? "not known"}${known_.speed && known_.speed !== "unknown" ? `, ${known_.speed}` : ""}` : ""),
            ...grid.columns.map((column) => {
              const pair = grid.at(row, column);
              if (!pair) return h("td", {});
              const state = pair.usable === pair.expected ? "optimal" : pair.usable === 0 ? "failed" : "degraded";
              return h("td", { class: "number", "data-pair": state }, stateMark(state, `${pair.usable}/${pair.expected}`));
            }));
        }))),
        grid.absent > 0 ? h("p", { class: "problem" }, `${plural(grid.absent, "path")} that should be there ${grid.absent === 1 ? "is" : "are"} not known to the node any more`) : null,
        ...(disks.problems ?? []).map((text) => h("p", { class: "doubtful" }, text))),
    }]);
    this.#belief.replaceChildren(belief(disks));
  }

  /** @param {import("../api-types.js").NodeDisks} disks */
  #drawCan(disks) {
    const name = this.route.name;
    const deeds = [["reboot", name, `reboot ${name}`], ...disks.adapters.map((adapter) => ["offline-hba", `${name}/${adapter.name}`, `take ${adapter.name} offline`])];
    keep(this.#canForm, deeds.map(([deed = "", of = "", words = ""]) => ({
      key: `${deed} ${of}`, sig: words,
      make: () => h("button", { type: "button", onclick: () => this.#ask(deed, of, words) }, `${words}?`),
    })));
  }

  /** @param {string} deed @param {string} of @param {string} words */
  async #ask(deed, of, words) {
    this.#canAsked = null;
    this.#can.replaceChildren(h("p", { class: "soft" }, "asking"));
    try {
      /** @type {import("../api-types.js").Can} */
      const can = await get("can", { deed, name: of });
      const age = can["age-ms"] == null ? "" : `, facts at most ${span(can["age-ms"] / 1000)} old`;
      this.#can.replaceChildren(
        h("p", { class: "can-verdict", "data-verdict": can.verdict }, h("strong", {}, VERDICTS[can.verdict] ?? can.verdict), ` to ${words}`,
          h("span", { class: "soft" }, `  ${can["nodes-telling"]} of ${plural(can["nodes-known"], "node")} tell${age}`)),
        h("ul", {}, ...can.lines.map((line) => h("li", { "data-kind": line.kind }, h("span", { class: "tag" }, line.kind), " ", line.text))));
      this.#canAsked = { words, at: now() };
    } catch (error) {
      this.#can.replaceChildren(h("p", { class: "problem" }, `it cannot be told: ${error instanceof Error ? error.message : error}`));
    }
  }

  tick() {
    this.#ageCan();
  }

  /** A yes of a while ago is no yes: it goes, and says so. */
  #ageCan() {
    const asked = this.#canAsked;
    if (!asked || (now() - asked.at < CAN_S && this.store.connection === "live")) return;
    this.#canAsked = null;
    this.#can.replaceChildren(h("p", { class: "doubtful" }, `Whether to ${asked.words} was asked at `, time(asked.at, "clock"), ". That answer is old: ask again."));
  }

  #drawHistory() {
    const timeline = this.#history.data;
    keep(this.#events, timeline ? eventItems(timeline).slice(0, 30) : []);
    this.#eventsNote.replaceChildren(timeline ? historyWords(timeline) : h("p", { class: "doubtful" }, `What happened is not known: ${this.#history.error}`));
  }
}

/** @param {[string, Node | string | null][]} all */
function pairs(all) {
  return all.flatMap(([name, value]) => (value === null || value === "" ? [] : [h("dt", {}, name), h("dd", {}, value)]));
}
