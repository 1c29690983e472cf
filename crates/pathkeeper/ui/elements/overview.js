// The first page: what is wrong, as causes; the nodes; what happened; what is muted. Healthy is quiet.

import { get } from "../api.js";
import { h, keep } from "../h.js";
import { clock, now, plural, span } from "../format.js";
import { href } from "../model/route.js";
import { compareNames, fingerprint, nodeHealth, sorted } from "../model/status.js";
import { card } from "./causes.js";
import { Asked, View } from "./view.js";

/** Many of one kind at one time are one line, so more are asked for than are shown. */
const EVENTS_ASKED = 200;
const EVENTS_SHOWN = 15;
/** The rest is counted: nobody reads further, and the matrix has all of them. */
const CARDS_SHOWN = 40;
/** What is not in the event stream is asked for after a change, and not more often than this. */
const ASK_S = 5;

export class Overview extends View {
  #causes = h("div", { class: "cards" });
  #quiet = h("p", { class: "quiet" });
  #more = h("p", { class: "soft" });
  #notes = h("div", { class: "cards" });
  #notesBox = h("details", { class: "notes" });
  #nodes = h("ul", { class: "nodes" });
  #events = h("ol", { class: "events" });
  #eventsNote = h("div");
  #muted = h("ul", { class: "in-force" });
  #mutedNote = h("p", { class: "doubtful" });
  #mutedBox = h("section", { "aria-label": "Mutes and windows" }, h("h2", {}, "Muted"), this.#muted, this.#mutedNote);
  /** What draws events, mutes and windows. @type {[typeof import("./events.js"), typeof import("./in-force.js")] | null} */
  #parts = null;
  #wallLink = h("p", { class: "soft wall-link" });
  #wall = h("p", { class: "wall-clock" });
  #history = new Asked(() => get("history", { limit: EVENTS_ASKED }), () => this.#drawBeside());
  #mutes = new Asked(() => get("mutes"), () => this.#drawBeside());
  #windows = new Asked(() => get("windows"), () => this.#drawBeside());

  build() {
    this.#notesBox.append(h("summary", {}, "Notes"), this.#notes);
    this.append(
      h("h1", { tabindex: "-1", class: "unseen" }, "Overview"),
      this.#wall,
      h("div", { class: "columns" },
        h("div", {},
          h("section", { id: "findings", "aria-label": "What is wrong" }, h("h2", { class: "unseen" }, "What is wrong"), this.#quiet, this.#causes, this.#more),
          h("section", { "aria-label": "Nodes" }, h("h2", {}, "Nodes"), this.#nodes),
          this.#notesBox),
        h("aside", {},
          this.#mutedBox,
          h("section", { "aria-label": "Recent events" }, h("h2", {}, "Recent events"), this.#events, this.#eventsNote))),
      this.#wallLink);
  }

  draw() {
    const { status, nowS } = this.store;
    const wall = this.route.query.get("wall");
    keep(this.#wallLink, [{ key: "link", sig: wall, make: () => h("a", { href: href("overview", "", wall ? {} : { wall: "1" }) }, wall ? "leave the wall board" : "wall board") }]);
    // Before anything is heard there is nothing to head.
    this.querySelector(".columns")?.toggleAttribute("hidden", !status);
    if (status) this.#drawFindings(status, nowS);
    this.#drawNodes();
    this.#ask();
  }

  tick() {
    this.#drawWall();
    this.#drawNodes();
  }

  /** @param {import("../model/status.js").ClusterStatus} status @param {number} nowS */
  #drawFindings(status, nowS) {
    const { standing, muted, notes } = sorted(status.findings);
    // Ages in cards are of the minute: a card is not made anew for a second.
    const minute = Math.floor(nowS / 60);
    const item = (/** @type {import("../model/status.js").Finding} */ finding) => ({
      key: fingerprint(finding),
      sig: [finding, minute, this.session.mayChange, this.store.past !== null],
      // What was is not muted.
      make: () => card(finding, { nowS, ...(this.store.past ? {} : { session: this.session }), links: true }),
    });
    keep(this.#causes, [...standing.slice(0, CARDS_SHOWN), ...muted.slice(0, CARDS_SHOWN)].map(item));
    const left = standing.length + muted.length - this.#causes.childElementCount;
    this.#more.textContent = left > 0 ? `and ${left} more: the matrix shows where` : "";
    // Nothing found is no health: what is not seen finds nothing.
    const clean = status.summary.health === "HEALTH_OK" && !status.view.partial;
    this.#quiet.textContent = standing.length > 0 || !clean ? "" : "Nothing is wrong.";
    this.#quiet.hidden = this.#quiet.textContent === "";
    this.#notesBox.hidden = notes.length === 0;
    const summary = this.#notesBox.querySelector("summary");
    if (summary) summary.textContent = plural(notes.length, "note");
    keep(this.#notes, notes.slice(0, CARDS_SHOWN).map(item));
  }

  #drawNodes() {
    const since = this.store.past || this.store.paused ? 0 : this.store.nowS - this.store.nodesAt;
    const nodes = [...this.store.nodes.values()].sort((a, b) => compareNames(a.node, b.node));
    keep(this.#nodes, nodes.map((node) => {
      const age = node["report-age-s"] == null ? "" : span(node["report-age-s"] + since);
      const fresh = node.report === "fresh";
      const health = nodeHealth(node);
      const words = [
        node.status === "online" ? null : node.status,
        fresh ? null : `report ${node.report}`,
        (node.multipathd ?? null) === null ? "multipathd unknown" : node.multipathd === "running" ? null : `multipathd ${node.multipathd}`,
        (node.settling ?? 0) > 0 ? `settling, ${plural(node.settling ?? 0, "LUN")} awaited` : null,
        node.mode === "manage" ? "managed" : null,
        this.store.status?.nodes[node.node] ? "apply failed" : null,
      ].filter((word) => word !== null);
      const apply = this.store.status?.nodes[node.node]?.["apply-error"];
      const why = [node["report-why"], node["multipathd-why"], apply].filter(Boolean).join("; ");
      return {
        key: node.node,
        sig: [health, age, words, why],
        make: () => h("li", { "data-health": health, "data-node-name": node.node, title: why || null },
          h("a", { href: href("node", node.node), "data-focus": `node ${node.node}` }, node.node),
          h("span", { class: "words" }, words.length > 0 ? words.join(", ") : "ok"),
          h("span", { class: "age", title: "since something new was heard of it" }, age)),
      };
    }));
  }

  #drawWall() {
    if (!this.route.query.get("wall")) return;
    const live = this.store.connection === "live" && this.store.status;
    // Who walks by sees at once whether this is of now.
    const age = Math.max(0, now() - this.store.heardAt);
    this.#wall.replaceChildren(live ? clock(now()) : "no connection", h("span", { class: "age" }, live ? `heard ${span(age)} ago` : ""));
  }

  #ask() {
    // What was is not what is: these are of now alone.
    const hidden = this.store.past !== null;
    this.#mutedBox.parentElement?.toggleAttribute("hidden", hidden);
    if (hidden || !this.store.status || this.store.paused || this.session.needed) return;
    this.later(async () => {
      this.#parts ??= await Promise.all([import("./events.js"), import("./in-force.js")]).catch(() => null);
      for (const asked of [this.#history, this.#mutes, this.#windows]) asked.refresh(ASK_S);
    });
  }

  #drawBeside() {
    if (!this.#parts) {
      this.#eventsNote.replaceChildren(h("p", { class: "doubtful" }, "What happened and what is muted is not known: the agent does not answer"));
      return;
    }
    const [{ eventItems, historyWords }, { inForce }] = this.#parts;
    const again = () => {
      this.#mutes.refresh();
      this.#windows.refresh();
    };
    const items = inForce(this.#mutes.data, this.#windows.data, this.session, again);
    const errors = [this.#mutes.error, this.#windows.error].filter(Boolean);
    this.#mutedNote.textContent = errors.length > 0 ? `Mutes and windows are not known: ${errors[0]}` : "";
    this.#mutedNote.hidden = errors.length === 0;
    this.#mutedBox.hidden = items.length === 0 && errors.length === 0;
    keep(this.#muted, items);
    const timeline = this.#history.data;
    keep(this.#events, timeline ? eventItems(timeline).slice(0, EVENTS_SHOWN) : []);
    this.#eventsNote.replaceChildren(timeline ? historyWords(timeline) : h("p", { class: "doubtful" }, `What happened is not known: ${this.#history.error}`));
  }
}
