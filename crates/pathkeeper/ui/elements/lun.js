// One LUN: what it is, who should carry it and why, its paths on every node, what is wrong, what is remembered, what happened.

import { ApiError, get, part, send } from "../api.js";
import { h, keep, since, stateMark, time } from "../h.js";
import { plural, shortWwid, size } from "../format.js";
import { guestWords, guestsByLun } from "../model/guests.js";
import { href } from "../model/route.js";
import { cellWords } from "../model/marks.js";
import { cellText, compareNames, fingerprint, known, label, reading, stateWords, toCome } from "../model/status.js";
import { mostly } from "../model/tint.js";
import { command, copyButton } from "./copy.js";
import { card } from "./causes.js";
import { bringStyles } from "./detail.js";
import { eventItems, historyWords } from "./events.js";
import { belief, pathRow, tree } from "./paths.js";
import { Asked, View } from "./view.js";

/** What is not in the event stream is asked for after a change, and not more often than this. */
const ASK_S = 5;
const NAMES_S = 60;
/** Guests come and go seldom, too. */
const GUESTS_S = 60;
/** Parts of an explanation that are read when somebody doubts it: the paths below say the same. */
const AT_LENGTH = new Set(["SEEN", "WHY"]);

/** What people may order of what is remembered, as it is told. @type {Record<string, string>} */
const ORDERS = { "ack-paths": "lost paths acknowledged", retire: "taken out of service", forget: "what was remembered is forgotten" };

export class Lun extends View {
  #title = h("div");
  #explained = h("div");
  #findings = h("div", { class: "cards" });
  #nodes = h("div", { class: "node-paths" });
  #ledger = h("div");
  #events = h("ol", { class: "events" });
  #eventsNote = h("div");
  #muchElse = h("div");
  /** @type {Map<string, Asked<import("../api-types.js").NodeDisks>>} */
  #disks = new Map();
  #asking = false;
  /** @type {Asked<import("../api-types.js").Names>} */
  #names = new Asked(() => get("names"), () => this.#drawNodes());
  #guests = new Asked(() => get("guests"), () => this.#drawTitle());
  #lun = new Asked(() => get(`luns/${part(this.route.name)}`), () => this.#drawLun());
  #found = new Asked(() => get(`luns/${part(this.route.name)}/findings`), () => this.#drawFindings());
  /** @type {Asked<import("../api-types.js").Explained>} */
  #why = new Asked(() => get("explain", { name: this.route.name }), () => this.#drawExplained());
  #history = new Asked(() => get(`luns/${part(this.route.name)}/history`, { limit: 60 }), () => this.#drawHistory());

  build() {
    bringStyles();
    this.#muchElse.append(
      this.#explained,
      h("section", { "aria-label": "Paths" }, h("h2", {}, "Paths on each node"), this.#nodes),
      h("section", { "aria-label": "What is wrong" }, h("h2", {}, "Findings"), this.#findings),
      h("section", { "aria-label": "Ledger" }, h("h2", {}, "Remembered"), this.#ledger),
      h("section", { "aria-label": "Timeline" }, h("h2", {}, "Timeline"), this.#events, this.#eventsNote));
    this.append(this.#title, this.#muchElse);
  }

  get #row() {
    return this.store.status?.luns.find((row) => row.wwid === this.route.name) ?? null;
  }

  draw() {
    const { status, past } = this.store;
    // Its row may still be on the way: nothing is said of it before all are there.
    if (status && !this.#row && toCome(status) > 0) return;
    this.#drawTitle();
    // Of another time there is the row alone: what is asked for beside it is of now.
    this.#muchElse.hidden = past !== null;
    if (past || !status || this.session.needed) return;
    // Who holds the page still while they read is not moved by this either.
    if (!this.store.paused) {
      for (const asked of [this.#lun, this.#found, this.#why, this.#history]) asked.refresh(ASK_S);
      this.#names.refresh(NAMES_S);
      this.#guests.refresh(GUESTS_S);
      this.#askPaths();
    }
    this.#drawNodes();
    this.#drawFindings();
  }

  #drawTitle() {
    const row = this.#row;
    const lun = this.#lun.data?.luns[0];
    if (!row && !this.store.status) return;
    const state = row ? reading(row) : "unknown";
    const sizes = Object.values(lun?.nodes ?? {}).map((on) => on.size);
    const guests = this.#guests.data?.known && !this.store.past ? guestsByLun(this.#guests.data).get(this.route.name) ?? [] : null;
    const known_ = lun?.wwid ?? row?.wwid;
    // Where all observe there is no list to be on.
    const manages = [...this.store.nodes.values()].some((node) => node.mode === "manage");
    const facts = [
      size(row?.size ?? mostly(sizes)), this.#why.data?.about?.find((text) => text !== known_ && /[a-z]/i.test(text) && !/^[\d.]+ [KMGTPE]iB$/.test(text)),
      row?.["used-by"] ? `used by ${row["used-by"]}` : "used by no storage that is known",
      row?.["expected-by"] ? `expected by ${row["expected-by"]}` : "nothing says who should carry it",
      manages && row?.allowed === false ? "not on the allow-list" : null,
    ].filter(Boolean);
    keep(this.#title, [{
      key: "title", sig: [row, facts, lun?.retired, lun?.["in-use"], this.store.past?.at],
      make: () => {
        const wwid = h("code", {}, this.route.name);
        return h("header", { class: "title" },
        h("h1", { tabindex: "-1", "data-focus": "title" }, row ? label(row) : shortWwid(this.route.name), " ",
          row ? stateMark(state === "doubt" ? "unknown" : state, stateWords(row)) : stateMark("unknown", "not in this status")),
        h("p", {}, wwid, " ", copyButton(wwid)),
        h("p", { class: "soft" }, facts.join(" · ")),
        lun?.retired?.length ? h("p", { class: "doubtful" }, `out of service by a person's word on ${lun.retired.join(", ")}`) : null,
        row ? h("ul", { class: "chips" }, ...Object.keys(row.nodes).sort(compareNames).map((name) => {
          const cell = /** @type {import("../model/status.js").Cell} */ (row.nodes[name]);
          return h("li", { title: cellWords(label(row), row, name) },
            h("a", { href: href("node", name) }, name), " ", stateMark(known(cell.state), cellText(cell)));
        })) : null,
        h("p", { class: "links" }, h("a", { href: href("matrix", "", { wwid: this.route.name }) }, "in the matrix")));
      },
    }, ...(guests === null ? [] : [{
      // By itself, so that what somebody opened stays open when the rest changes.
      key: "guests", sig: guests,
      make: () => guests.length === 0 ? h("p", { class: "soft" }, "no guest needs it, as far as guests are known")
        : h("details", { class: "guests-of" }, h("summary", {}, plural(guests.length, "guest")), h("ul", {}, ...guests.map((guest) => h("li", {}, guestWords(guest))))),
    }])]);
  }

  #drawFindings() {
    const found = this.#found.data;
    if (!found) {
      // No findings are not the same as findings that are not known.
      keep(this.#findings, this.#found.error ? [{ key: "not known", sig: this.#found.error, make: () => h("p", { class: "doubtful" }, `not known: ${this.#found.error}`) }] : []);
      return;
    }
    const minute = Math.floor(this.store.nowS / 60);
    keep(this.#findings, found.map((/** @type {import("../model/status.js").Finding} */ finding) => ({
      key: fingerprint(finding), sig: [finding, minute, this.session.mayChange],
      make: () => card(finding, { nowS: this.store.nowS, session: this.session, links: true }),
    })));
  }

  #drawExplained() {
    const why = this.#why.data;
    this.#drawTitle();
    if (!why) {
      const error = this.#why.error;
      keep(this.#explained, error ? [{ key: "not known", sig: error, make: () => h("p", { class: "doubtful" }, `no explanation: ${error}`) }] : []);
      return;
    }
    keep(this.#explained, [{
      key: "why", sig: [why.sections, why.before, why.headline],
      make: () => h("section", { "aria-label": "Explained", class: "explained" },
        h("h2", {}, "Explained"), h("p", {}, h("strong", {}, why.headline), " ", ...since(why.since, this.store.nowS)),
        sections(why.sections.filter((section) => !AT_LENGTH.has(section.title))),
        h("details", {}, h("summary", {}, "what was seen, and why this is said"), sections(why.sections.filter((section) => AT_LENGTH.has(section.title))))),
    }]);
  }

  /** Nodes one after the other: each may be unpacked for us alone. */
  async #askPaths() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      for (const name of Object.keys(this.#row?.nodes ?? {}).sort(compareNames)) {
        if (this.signal.aborted) return;
        let asked = this.#disks.get(name);
        if (!asked) {
          asked = new Asked(() => get(`/api2/json/nodes/${part(name)}/disks/multipath`), () => this.#drawNodes());
          this.#disks.set(name, asked);
        }
        await asked.refresh(ASK_S);
      }
    } finally {
      this.#asking = false;
    }
  }

  #drawNodes() {
    const row = this.#row;
    const sizes = this.#lun.data?.luns[0]?.nodes ?? {};
    const usual = mostly(Object.values(sizes).map((/** @type {any} */ on) => on.size));
    keep(this.#nodes, Object.keys(row?.nodes ?? {}).sort(compareNames).map((name) => {
      const asked = this.#disks.get(name);
      const map = asked?.data?.maps.find((map) => map.wwid === this.route.name);
      const loose = asked?.data?.devices.filter((device) => device.wwid === this.route.name) ?? [];
      const cell = row?.nodes[name];
      const odd = sizes[name]?.size != null && sizes[name]?.size !== usual;
      return {
        key: name, sig: [cell, map, loose, asked?.error, Boolean(asked?.data), sizes[name]?.size, odd && usual, this.#names.data?.digest],
        make: () => h("article", { "data-node-name": name },
          h("h3", {}, h("a", { href: href("node", name) }, name), " ", cell ? stateMark(known(cell.state), cellText(cell)) : null, " ",
            sizes[name]?.size == null ? null : h("span", { class: odd ? "problem" : "soft" }, `${size(sizes[name]?.size)}${odd ? `, others have ${size(usual)}` : ""}`)),
          map ? tree(map, this.#names.data) : h("p", {}, asked?.data ? "no map here" : asked?.error ? `its paths are not known: ${asked.error}` : "asking for its paths"),
          loose.length > 0 ? h("div", {}, h("p", {}, "devices that no map took:"), h("table", { class: "paths" }, h("tbody", {}, ...loose.map((path) => pathRow(path, this.#names.data))))) : null,
          h("div", { class: "belief" }),
          h("details", {}, h("summary", {}, "commands"), command(`multipath -ll ${map?.name ?? this.route.name}`), command(`pathkeeper explain ${this.route.name}`))),
      };
    }));
    // How old it is changes with each answer: the paths above it stay as they are while somebody reads them.
    for (const article of this.#nodes.children) {
      const disks = article instanceof HTMLElement ? this.#disks.get(article.dataset["nodeName"] ?? "")?.data : null;
      article.querySelector(".belief")?.replaceChildren(...(disks ? [belief(disks)] : []));
    }
  }

  #drawLun() {
    this.#drawTitle();
    this.#drawNodes();
    const lun = this.#lun.data?.luns[0];
    const names = Object.keys(lun?.nodes ?? {}).sort(compareNames);
    const remembered = names.filter((name) => lun?.nodes[name]?.ledger);
    keep(this.#ledger, [{
      key: "ledger", sig: [lun, this.#lun.error, this.#lun.data?.problems, this.session.mayChange, this.#row?.nodes],
      make: () => h("div", {},
        ...(this.#lun.data?.problems ?? []).map((/** @type {string} */ text) => h("p", { class: "doubtful" }, text)),
        this.#lun.error ? h("p", { class: "doubtful" }, this.#lun.error) : null,
        remembered.length === 0 ? h("p", { class: "soft" }, "No node remembers it yet: what was carried for ten minutes counts.") : h("table", {},
          h("thead", {}, h("tr", {}, ...["node", "most usable paths", "usable now", "carried since", "volume group"].map((words) => h("th", { scope: "col" }, words)))),
          h("tbody", {}, ...remembered.map((name) => {
            const ledger = /** @type {import("../api-types.js").Remembered} */ (lun?.nodes[name]?.ledger);
            return h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "number" }, ledger.paths),
              h("td", { class: "number" }, this.#row?.nodes[name]?.["paths-active"] ?? "?"), h("td", {}, time(ledger.since)), h("td", {}, ledger.vg ?? ""));
          }))),
        ...(lun?.orders ?? []).map((/** @type {import("../api-types.js").Order} */ order) => h("p", { class: "soft" },
          `${ORDERS[order.kind] ?? order.kind}, ordered by ${order.by} at `, time(order.time), order.waiting.length > 0 ? `; ${order.waiting.join(", ")} not yet` : "; every node obeyed")),
        this.#acknowledge(remembered.filter((name) => (this.#row?.nodes[name]?.["paths-active"] ?? 0) < (lun?.nodes[name]?.ledger?.paths ?? 0)))),
    }]);
  }

  /** Lost paths are gone for good: a person's word, as low as the person was shown and no lower. @param {string[]} nodes that lost some */
  #acknowledge(nodes) {
    if (nodes.length === 0 || !this.session.mayChange) return null;
    const problem = h("p", { class: "problem", role: "alert" });
    const paths = Object.fromEntries(nodes.map((name) => [name, this.#row?.nodes[name]?.["paths-active"] ?? 0]));
    const words = nodes.map((name) => plural(paths[name] ?? 0, "path") + ` on ${name}`).join(", ");
    const wwid = this.route.name;
    const again = () => this.#lun.refresh();
    return h("form", { class: "inline", onsubmit: give },
      h("label", {}, h("input", { type: "checkbox", required: true }), ` the lost paths are gone for good: from now on expect ${words}`),
      h("button", { type: "submit" }, `Acknowledge on ${plural(nodes.length, "node")}`), problem);
    /** @this {unknown} @param {SubmitEvent} event */
    async function give(event) {
      event.preventDefault();
      try {
        await send("POST", `luns/${part(wwid)}/ack-paths`, { paths });
        problem.textContent = "";
        again();
      } catch (error) {
        problem.textContent = error instanceof ApiError ? error.lines.join("; ") : String(error);
      }
    }
  }

  #drawHistory() {
    const timeline = this.#history.data;
    keep(this.#events, timeline ? eventItems(timeline) : []);
    this.#eventsNote.replaceChildren(timeline ? historyWords(timeline) : h("p", { class: "doubtful" }, `What happened is not known: ${this.#history.error}`));
  }
}

/** @param {import("../api-types.js").Section[]} all */
function sections(all) {
  return h("dl", {}, ...all.flatMap((section) => [
    h("dt", {}, section.title), h("dd", {}, ...section.lines.map((line) => h("p", { class: line.startsWith("  ") ? "beneath" : "" }, line.trim())))]));
}
