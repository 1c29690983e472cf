// The matrix: LUNs by nodes. What is wrong stands out, what explains it lights up, a cell opens its paths beside it.

import "./grid.js";
import { get, part } from "../api.js";
import { h, keep } from "../h.js";
import { plural, span } from "../format.js";
import { toldOf } from "../model/marks.js";
import { href, parse } from "../model/route.js";
import { held, lines, onlyUnclean, readFilter, wanted, writeFilter } from "../model/rows.js";
import { STATES, columns, findingLine, fingerprint, severityWord, sorted, toCome } from "../model/status.js";
import { Asked, View } from "./view.js";
import { painter } from "./paint.js";

/** A row that is read stays where it is for so long after the last key or click. */
const READING_MS = 10_000;
/** Sizes on nodes are asked for anew so often while they are shown. */
const SIZES_S = 30;
/** So long nobody is told that rows are still on their way. */
const WAIT_MS = 1_500;
/** Guests come and go seldom. */
const GUESTS_S = 60;
/** Paths of all nodes are asked for anew so often while fabrics or controllers are shown: each may be unpacked for us alone. */
const PATHS_S = 60;
/** What cells are coloured by, in words; how, comes when it is asked for. @type {[string, string][]} */
const COLOURS = [["state", "state"], ["queueing", "queueing"], ["fabric", "fabric"], ["controller", "preferred controller"], ["size", "size"]];

export class Matrix extends View {
  #form = h("form", { class: "filter", "aria-label": "Filter", onsubmit: (/** @type {Event} */ event) => event.preventDefault() });
  #causes = h("ul", { class: "cause-lines", "aria-label": "Causes" });
  #grid = /** @type {import("./grid.js").Grid} */ (document.createElement("pk-grid"));
  #count = h("p", { class: "soft count" });
  #news = h("button", { type: "button", class: "news", hidden: true, onclick: () => this.#sort() });
  #empty = h("p", { class: "quiet", id: "empty", hidden: true });
  /** These come when they are first asked for. @type {HTMLDialogElement | null} */
  #legend = null;
  /** @type {import("./cell-panel.js").CellPanel | null} */
  #panel = null;
  #beside = h("div", { class: "beside" }, h("div", { class: "field" }, this.#empty, this.#grid));
  #filterKey = "";
  #began = Date.now();
  /** @type {import("../model/rows.js").Line[]} */
  #shown = [];
  #touched = 0;
  /** @type {string | null} */
  #lit = null;
  #paint = 0;
  #paintKey = "";
  #revealed = "";
  /** @type {Record<string, import("../model/tint.js").Tint> | null} */
  #tints = null;
  #paths = new Asked(() => this.#askPaths(), () => this.draw());
  #sizes = new Asked(() => get("luns"), () => this.draw());
  #guests = new Asked(() => get("guests"), () => this.draw());

  build() {
    this.append(
      h("h1", { tabindex: "-1", class: "unseen" }, "Matrix"),
      this.#causes, this.#form,
      this.#beside, h("div", { class: "under" }, this.#count, this.#news));
    this.#grid.addEventListener("keydown", () => (this.#touched = Date.now()));
    this.#form.addEventListener("input", (event) => this.#read(event));
    addEventListener("keydown", (event) => this.#shortcut(event), { signal: this.signal });
  }

  draw() {
    const status = this.store.status;
    this.#grid.hidden = !status;
    if (!status) {
      this.#wait();
      return;
    }
    const filter = readFilter(this.route.query);
    const rows = wanted(status.luns, filter);
    const names = filter.node ? [filter.node] : columns(status.luns);
    this.#drawForm(status, filter);
    this.#drawCauses(status);
    this.#arrange(lines(rows, filter.group), status.luns, JSON.stringify(writeFilter(filter)));
    const colour = this.route.query.get("colour") ?? "state";
    if (colour !== "state" && !this.#tints) this.#bringTints();
    const tint = this.#tints?.[colour] ?? null;
    if (tint?.asks === "luns") this.#sizes.refresh(SIZES_S);
    if (tint?.asks === "disks") this.#paths.refresh(PATHS_S);
    if (!this.store.past) this.later(() => this.#guests.refresh(GUESTS_S));
    const nodes = this.store.nodes;
    // What a cell looks like beyond its row: nodes that are not heard, the tint, and what it needs.
    const fresh = [...nodes.values()].map((node) => [node.node, node.report, node.multipathd, node.settling]);
    const told = toldOf(status.findings);
    const paintKey = JSON.stringify([fresh, told.key, tint && colour, this.#sizes.at, this.#paths.at, this.#guests.data?.known ? this.#guests.at : 0]);
    if (paintKey !== this.#paintKey) this.#paint += 1;
    this.#paintKey = paintKey;
    const paint = painter({
      // Of another time neither sizes nor paths nor guests are kept.
      nodes, tint, told, nowS: this.store.nowS, luns: this.store.past ? null : this.#sizes.data, paths: this.store.past ? null : this.#paths.data,
      guests: this.store.past ? null : this.#guests.data,
      open: (line, name) => this.#open(line, name),
      openColumn: (name) => (location.hash = href("node", name)),
    });
    const coming = toCome(status);
    this.#grid.show(this.#shown, names, paint, this.#paint, coming === 0);
    this.#grid.hidden = this.#shown.length === 0;
    this.#empty.hidden = this.#shown.length > 0;
    this.#empty.textContent = status.summary.luns === 0 ? "" : coming > 0
      ? `none of the ${plural(status.luns.length, "LUN")} that came so far matches this filter: ${coming} more are on their way`
      : `none of ${plural(status.summary.luns, "LUN")} matches this filter`;
    const unclean = onlyUnclean(filter, status.luns) ? " that are not optimal everywhere" : "";
    this.#count.textContent = `${rows.length} of ${plural(status.summary.luns, "LUN")}${unclean}, ${plural(names.length, "node")}` +
      (coming > 0 ? `; ${plural(coming, "LUN")} still on the way` : "");
    // A list that is not whole is none to take along.
    this.#whole(coming === 0);
    this.#light(this.#lit ?? (filter.cause || null));
    this.#openPanel(status);
  }

  /** Rows of a large cluster are many megabytes: who waits is told so, and what is there at once. */
  #wait() {
    this.#empty.hidden = this.store.past !== null || this.store.connection === "lost" || Date.now() - this.#began < WAIT_MS;
    if (this.#empty.firstElementChild) return;
    this.#empty.replaceChildren(h("span", { class: "soft" }, "Rows are on their way. Those of hundreds of nodes and thousands of LUNs take long, and the page stands still meanwhile: ",
      h("a", { href: href("map") }, "the map"), " shows them at once."));
  }

  /** How long I/O waits is told by the second, without a cell being made anew. */
  tick() {
    if (!this.store.status) this.#wait();
    else this.#bringPaper();
    if (this.store.connection !== "live") return;
    for (const cell of this.#grid.querySelectorAll("[data-since]")) {
      if (cell instanceof HTMLElement) cell.dataset["marks"] = cell.dataset["marks"]?.replace(/^Q\S*/, `Q${span(this.store.nowS - Number(cell.dataset["since"]))}`);
    }
  }

  /** Who reads keeps their order; who does not sees the worst first. @param {import("../model/rows.js").Line[]} fresh
   * @param {import("../model/status.js").LunRow[]} all @param {string} filterKey */
  #arrange(fresh, all, filterKey) {
    const reading = this.#grid.isRead || Date.now() - this.#touched < READING_MS || this.#panel?.hidden === false;
    if (!reading || filterKey !== this.#filterKey || this.#shown.length === 0) {
      this.#filterKey = filterKey;
      this.#shown = fresh;
      this.#news.hidden = true;
      return;
    }
    const kept = held(this.#shown, fresh, new Map(all.map((row) => [row.wwid, row])));
    this.#shown = kept.lines;
    const words = [
      kept.added > 0 ? `${kept.added} new` : null,
      kept.gone > 0 ? `${kept.gone} no longer in this list` : null,
      kept.moved ? "another order" : null,
    ].filter(Boolean);
    this.#news.hidden = words.length === 0;
    this.#news.textContent = `${words.join(", ")}: show`;
  }

  /** One node after the other; one that cannot be read is not known, and the others are. */
  async #askPaths() {
    const [{ fabrics }, { controllers }] = await Promise.all([import("../model/fabrics.js"), import("../model/controllers.js")]);
    const all = [];
    for (const name of columns(this.store.live?.luns ?? [])) {
      if (this.signal.aborted) break;
      const disks = await get(`/api2/json/nodes/${part(name)}/disks/multipath`).catch(() => null);
      if (disks) all.push(disks);
    }
    const names = await get("names").catch(() => null);
    return { fabrics: fabrics(all, names), controllers: controllers(all, names) };
  }

  async #bringTints() {
    const { TINTS } = await import("../model/tint.js").catch(() => ({ TINTS: null }));
    if (!TINTS || this.#tints) return;
    this.#tints = TINTS;
    this.draw();
  }

  /** @param {boolean} is */
  #whole(is) {
    for (const button of this.#form.querySelectorAll("[data-whole]")) if (button instanceof HTMLButtonElement) button.disabled = !is;
  }

  #sort() {
    this.#filterKey = "";
    this.draw();
  }

  /** @param {import("../model/status.js").ClusterStatus} status */
  #drawCauses(status) {
    const { standing } = sorted(status.findings);
    keep(this.#causes, standing.slice(0, 30).map((finding) => {
      const mark = fingerprint(finding);
      const cells = finding.explains?.cells ?? 0;
      return {
        key: mark, sig: [finding.summary, finding.severity, cells, finding.explains?.luns],
        make: () => h("li", {
          tabindex: "0", "data-code": finding.code, "data-severity": finding.severity, "data-fingerprint": mark, "data-focus": mark,
          onmouseenter: () => this.#light(mark), onmouseleave: () => this.#light(null),
          onfocus: () => this.#light(mark), onblur: () => this.#light(null),
        },
          h("span", { class: "severity", "data-severity": finding.severity }, severityWord(finding.severity)), " ",
          findingLine(finding), " ",
          cells > 0 ? h("a", { href: href("matrix", "", { cause: mark }) }, plural(cells, "cell")) : null),
      };
    }));
    this.#causes.hidden = standing.length === 0;
  }

  /** Lights what a cause explains and dims the rest. @param {string | null} mark */
  #light(mark) {
    const filtered = this.route.query.get("cause");
    this.#lit = mark === filtered ? null : mark;
    const lit = mark ?? filtered;
    const scope = this.store.status?.findings.find((finding) => fingerprint(finding) === lit)?.scope;
    this.#grid.light(lit ? (row, node) => {
      // A finding that is no cause is about its own cell.
      const own = scope?.wwid != null && scope.node === node && scope.wwid === row.wwid;
      return own || (row.nodes[node]?.causes?.includes(lit) ?? false);
    } : null);
  }

  /** @param {import("../model/rows.js").Line} line @param {string | null} name */
  #open(line, name) {
    if (name === null) location.hash = href("lun", line.key, { at: this.route.query.get("at") ?? undefined });
    else this.#go({ cell: `${line.key}/${name}` });
  }

  /** @param {import("../model/status.js").ClusterStatus} status */
  #openPanel(status) {
    const asked = this.route.query.get("cell") ?? "";
    const slash = asked.indexOf("/");
    const [wwid, node] = [asked.slice(0, slash), asked.slice(slash + 1)];
    const row = slash > 0 ? status.luns.find((row) => row.wwid === wwid) : undefined;
    if (row && !this.#panel) this.#bringPanel();
    this.#panel?.show(row ?? null, node, status, this.store);
    if (row && this.#revealed !== asked) this.#grid.reveal(wwid, node);
    // Its row may still be on the way.
    this.#revealed = row ? asked : "";
  }

  async #bringPanel() {
    const { CellPanel } = await import("./cell-panel.js").catch(() => ({ CellPanel: null }));
    if (!CellPanel) this.#count.textContent = "this cell cannot be shown: the agent does not answer";
    if (!CellPanel || this.#panel || !this.isConnected) return;
    const panel = (this.#panel = new CellPanel());
    this.#beside.append(panel);
    panel.addEventListener("shut", () => {
      this.#go({ cell: "" });
      this.#grid.focusCell();
    });
    this.draw();
  }

  async #explain() {
    const { legend } = await import("./legend.js").catch(() => ({ legend: null }));
    if (!legend) return;
    if (!this.#legend) this.append((this.#legend = legend()));
    if (!this.#legend.open) this.#legend.showModal();
  }

  /** Changes the address in place: filter and cell can be sent to somebody. @param {Record<string, string>} change */
  #go(change) {
    const query = new URLSearchParams(this.route.query);
    for (const [key, value] of Object.entries(change)) {
      if (value) query.set(key, value);
      else query.delete(key);
    }
    history.replaceState(null, "", href("matrix", "", query));
    this.lead(parse(location.hash));
  }

  /** @param {Event} event */
  #read(event) {
    const form = new FormData(this.#form);
    const rows = this.store.status?.luns ?? [];
    const filter = readFilter(this.route.query);
    filter.states = form.getAll("state").map(String);
    filter.name = String(form.get("name") ?? "");
    filter.node = String(form.get("node") ?? "");
    filter.group = form.get("group") === "none" ? "none" : "storage";
    // What is so by default is not written down, and nobody has said what the box shows by itself.
    if (event.target instanceof HTMLInputElement && event.target.name === "unclean") {
      const unclean = form.has("unclean");
      filter.unclean = null;
      filter.unclean = onlyUnclean(filter, rows) === unclean ? null : unclean;
    }
    const colour = String(form.get("colour") ?? "");
    this.#go({ ...writeFilter(filter), colour: colour === "state" ? "" : colour });
  }

  /** @param {import("../model/status.js").ClusterStatus} status @param {import("../model/rows.js").Filter} filter */
  #drawForm(status, filter) {
    const names = columns(status.luns);
    if (this.#form.dataset["nodes"] !== names.join()) {
      this.#form.dataset["nodes"] = names.join();
      const option = (/** @type {string} */ value, /** @type {string} */ words) => h("option", { value }, words);
      this.#form.replaceChildren(
        h("label", {}, "name ", h("input", { type: "search", name: "name", autocomplete: "off", spellcheck: "false" })),
        h("label", {}, h("input", { type: "checkbox", name: "unclean" }), " only what is not optimal everywhere"),
        h("fieldset", {}, h("legend", { class: "unseen" }, "State"), ...STATES.map((state) =>
          h("label", {}, h("input", { type: "checkbox", name: "state", value: state }), " ", h("span", { class: "state", "data-state": state }, state)))),
        h("label", {}, "node ", h("select", { name: "node" }, option("", "all"), ...names.map((name) => option(name, name)))),
        h("label", {}, "group by ", h("select", { name: "group" }, option("storage", "storage"), option("none", "nothing"))),
        h("label", {}, "colour by ", h("select", { name: "colour" }, ...COLOURS.map(([colour, words]) => option(colour, words)))),
        h("span", { class: "buttons" },
          h("button", { type: "button", "data-whole": true, onclick: () => this.#csv() }, "CSV"),
          h("button", { type: "button", "data-whole": true, onclick: () => this.#print() }, "print"),
          h("button", { type: "button", title: "Legend", "aria-label": "Legend", onclick: () => this.#explain() }, "?")));
    }
    for (const field of this.#form.elements) {
      if (field === document.activeElement && field instanceof HTMLInputElement && field.type === "search") continue;
      if (field instanceof HTMLInputElement && field.type === "checkbox") {
        field.checked = field.name === "unclean" ? onlyUnclean(filter, status.luns) : filter.states.includes(field.value);
      } else if (field instanceof HTMLInputElement) field.value = filter.name;
      else if (field instanceof HTMLSelectElement) {
        field.value = { node: filter.node, group: filter.group, colour: this.route.query.get("colour") || "state" }[field.name] ?? "";
      }
    }
  }

  /** A browser does not wait for what is to be printed, so that is there before anybody asks for it. */
  async #bringPaper() {
    if (this.#grid.paper) return;
    const { paper } = await import("./paper.js").catch(() => ({ paper: null }));
    this.#grid.paper = paper;
  }

  async #print() {
    await this.#bringPaper();
    print();
  }

  async #csv() {
    const status = this.store.status;
    const { csv } = await import("../model/csv.js").catch(() => ({ csv: null }));
    if (!csv || !status) return;
    const rows = this.#shown.flatMap((line) => (line.row ? [line.row] : []));
    const text = csv(rows, columns(status.luns), toldOf(status.findings), this.store.nowS);
    const url = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
    h("a", { href: url, download: "pathkeeper-matrix.csv" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  }

  /** @param {KeyboardEvent} event */
  #shortcut(event) {
    const typing = event.target instanceof Element && event.target.matches("input:not([type=checkbox]), select, textarea");
    if (event.key === "Escape" && this.#panel?.hidden === false && !this.#legend?.open) this.#panel.shut();
    else if (event.key === "?" && !typing) this.#explain();
  }
}

