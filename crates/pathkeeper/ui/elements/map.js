// The map of the whole: each LUN on each node as a block on a canvas, to see the pattern and to jump. The canvas is a picture; what
// is pointed at is a real gridcell that is laid over it, and words beside it.

import { address, asked as answer, get } from "../api.js";
import { h, keep } from "../h.js";
import { plural } from "../format.js";
import { LIT, QUEUEING, UNEXPLAINED, WORDS, applyRows, block, blockWords, filtered, ordered, readId, readMap, scale, stateOf, worst } from "../model/map.js";
import { href, parse } from "../model/route.js";
import { readFilter, writeFilter } from "../model/rows.js";
import { STATES, findingLine, fingerprint, sorted } from "../model/status.js";
import { moved, visible } from "../model/window.js";
import { View } from "./view.js";

/** The whole is asked for anew not more often than this. */
const LOAD_MS = 1_000;
/** An agent that gave none is asked again after so long. */
const RETRY_MS = 2_000;
/** Changes that wait while the whole is on its way; more of them, and it is asked for once more. */
const WAITING_MAX = 512;
/** Beyond so many cells a jump takes the one row along and not all of them. */
const JUMP_CELLS_MAX = 200_000;
/** Causes that can be chosen. */
const CAUSES_MAX = 200;
/** From this size on, shapes can be told apart. */
const SHAPE_PX = 7;

export class MapView extends View {
  #form = h("form", { class: "filter", "aria-label": "Filter", onsubmit: (/** @type {Event} */ event) => event.preventDefault() });
  #why = h("p", { class: "quiet", role: "status" });
  #canvas = h("canvas", { "aria-hidden": "true" });
  #cell = h("div", { role: "gridcell", id: "map-cell", class: "map-cell" });
  #sheet = h("div", { class: "map-sheet", role: "presentation" }, this.#canvas, h("div", { role: "row" }, this.#cell));
  #box = h("div", { class: "map-box", role: "grid", tabindex: "0", "aria-label": "Map of the state of each LUN on each node", "aria-activedescendant": "map-cell" }, this.#sheet);
  #tip = h("div", { class: "map-tip", "aria-hidden": "true", hidden: true });
  #line = h("p", { class: "map-line" });
  #counts = h("ul", { class: "map-counts", "aria-label": "Cells by state" });

  /** @type {import("../model/map.js").Cells | null} */
  #map = null;
  /** @type {import("../model/map.js").MapNames | null} */
  #names = null;
  /** @type {Map<string, number>} */
  #rowOf = new Map();
  /** @type {import("../model/map.js").Order} */
  #all = { rows: new Uint32Array(), columns: new Uint32Array() };
  #shown = this.#all;
  /** Where each row is shown, by its index; −1 where it is not. */
  #placeOf = new Int32Array();
  #shownKey = "";
  #scale = scale(this.#all, { width: 1, height: 1 }, false);
  #blocks = new Uint8Array();
  /** Rows of blocks that are to be looked through. @type {Set<number> | "all"} */
  #dirty = "all";
  #cells = false;
  #at = { row: 0, column: 0 };
  /** @type {Uint32Array[]} */
  #tiles = [];
  #tilesKey = "";
  #theme = 0;
  #error = "";
  #loading = false;
  #again = false;
  #loadedAt = 0;
  #loadedCause = "";
  #held = false;
  /** @type {{id: string, delta: import("../api-types.js").MapDelta}[]} */
  #waiting = [];
  #drawing = false;

  build() {
    if (!document.querySelector('link[href="/ui/map.css"]')) {
      const link = h("link", { rel: "stylesheet", href: "/ui/map.css", onload: () => this.#soon("all") });
      document.head.append(link);
    }
    this.append(
      h("h1", { tabindex: "-1", class: "unseen" }, "Map"), this.#form, this.#why, this.#box, this.#tip, this.#line, this.#counts,
      h("p", { class: "soft" }, "Arrows, Home, End and the page keys move; Enter leads to the worst cell there in the matrix; + and − show each cell, or all at once."));
    const { signal } = this;
    this.store.addEventListener("snapshot", () => this.store.paused || this.#isNewest(this.#map) || this.#load(), { signal });
    this.store.addEventListener("map", (event) => this.#take(/** @type {CustomEvent} */ (event).detail), { signal });
    this.#box.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#box.addEventListener("scroll", () => this.#soon(), { signal, passive: true });
    this.#box.addEventListener("pointermove", (event) => this.#point(event), { signal });
    this.#box.addEventListener("pointerleave", () => (this.#tip.hidden = true), { signal });
    this.#box.addEventListener("click", (event) => this.#click(event), { signal });
    this.#form.addEventListener("input", () => this.#read(), { signal });
    const observer = new ResizeObserver(() => this.#soon("all"));
    observer.observe(this.#box);
    signal.addEventListener("abort", () => observer.disconnect());
    // The canvas has no colours of its own: they are read again when the page's change.
    for (const query of ["(prefers-color-scheme: dark)", "(forced-colors: active)", "(prefers-contrast: more)"]) {
      matchMedia(query).addEventListener("change", () => { this.#theme += 1; this.#soon("all"); }, { signal });
    }
    // At the same time as the stream: what it says first tells whether that was the newest.
    this.#load();
  }

  draw() {
    const { past, paused, status } = this.store;
    // While somebody holds the page nothing moves; then all is asked for at once.
    if (this.#held && !paused) this.#load();
    this.#held = paused !== null;
    const cause = this.route.query.get("cause") ?? "";
    if (this.#map && cause !== this.#loadedCause && !this.#loading && !past) this.#load();
    this.#arrange();
    this.#why.textContent = past ? "The map is of now alone: of another time the matrix tells."
      : this.#error ? `the map is not known: ${this.#error}`
      : !this.#map || !status ? "asking for the map"
      : this.#map.rows === 0 ? "no LUN is known"
      : this.#shown.rows.length === 0 ? `none of ${plural(this.#map.rows, "LUN")} matches this filter` : "";
    this.#why.hidden = this.#why.textContent === "";
    const nothing = past !== null || this.#error !== "" || !this.#map || this.#map.rows === 0;
    for (const part of [this.#box, this.#line, this.#counts]) part.hidden = nothing;
    if (status) this.#drawForm(status);
    this.#soon();
  }

  /** Asks for the whole. What is told meanwhile is put on top of it if it is newer. */
  async #load() {
    if (this.#loading) {
      this.#again = true;
      return;
    }
    this.#loading = true;
    this.#again = false;
    const wait = this.#loadedAt + LOAD_MS - Date.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    try {
      const cause = this.route.query.get("cause") ?? "";
      /** @type {[Response, import("../model/map.js").MapNames]} */
      const [body, known] = await Promise.all([
        answer(address("map", { cause: cause || undefined }), { method: "GET", cache: "no-cache" }), this.#names ?? get("map/names")]);
      const map = readMap(await body.arrayBuffer());
      let names = known;
      if (names.names !== map.names) names = await get("map/names");
      this.#loadedAt = Date.now();
      // Another LUN came between the two answers, or the stream began later: once more.
      if (names.names !== map.names || !this.#isNewest(map)) this.#again = true;
      else this.#show(map, names, cause);
      this.#error = "";
    } catch (error) {
      // What was known before is not known now.
      this.#map = null;
      this.#error = error instanceof Error ? error.message : String(error);
      this.#loadedAt = Date.now();
      setTimeout(() => !this.signal.aborted && !this.#map && this.#load(), RETRY_MS);
    } finally {
      this.#loading = false;
    }
    if (this.signal.aborted) return;
    if (this.#again && this.store.connection === "live") this.#load();
    this.draw();
  }

  /** Whether it lacks nothing: deltas begin after what the stream said first. @param {import("../model/map.js").Cells | null} map */
  #isNewest(map) {
    const { epoch, revision } = readId(this.store.began);
    return epoch === "" || (map?.epoch === epoch && map.revision >= revision);
  }

  /** @param {import("../model/map.js").Cells} map @param {import("../model/map.js").MapNames} names @param {string} cause */
  #show(map, names, cause) {
    if (this.#names !== names) {
      this.#names = names;
      this.#rowOf = new Map(names.rows.map((row, at) => [row.wwid, at]));
      this.#all = ordered(names);
    }
    this.#map = map;
    this.#loadedCause = cause;
    this.#shownKey = "";
    this.#dirty = "all";
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const { id, delta } of waiting) this.#apply(delta, id);
  }

  /** @param {import("../api-types.js").MapDelta} delta */
  #take(delta) {
    if (this.#loading || !this.#map) {
      if (this.#waiting.length < WAITING_MAX) this.#waiting.push({ id: this.store.id, delta });
      else this.#again = true;
      return;
    }
    if (!this.store.paused) this.#apply(delta, this.store.id);
  }

  /** @param {import("../api-types.js").MapDelta} delta @param {string} id */
  #apply(delta, id) {
    const map = this.#map;
    const { epoch, revision } = readId(id);
    if (!map || epoch !== map.epoch || revision <= map.revision) return;
    map.revision = revision;
    const touched = delta.names === map.names && delta.rows ? applyRows(map, this.#rowOf, delta.rows) : null;
    // Which cause explains what is not told with a change.
    if (!touched || (touched.length > 0 && this.#loadedCause)) {
      this.#load();
      return;
    }
    // A filter by state may now want other rows.
    const filter = readFilter(this.route.query);
    if (touched.length > 0 && (filter.states.length > 0 || filter.unclean)) this.#shownKey = "";
    for (const row of touched) {
      const place = this.#placeOf[row] ?? -1;
      if (place >= 0 && this.#dirty !== "all") this.#dirty.add(Math.floor(place / this.#scale.perRow));
    }
    this.#soon();
  }

  /** @param {"all"} [dirty] */
  #soon(dirty) {
    if (dirty) this.#dirty = dirty;
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      if (this.isConnected && !this.#box.hidden) this.#paint();
    });
  }

  /** Which rows and columns are shown, where the filter or what it looks at is another one. */
  #arrange() {
    const [map, names] = [this.#map, this.#names];
    const filter = readFilter(this.route.query);
    const key = JSON.stringify(writeFilter(filter));
    if (!map || !names || key === this.#shownKey) return;
    this.#shownKey = key;
    this.#shown = filtered(this.#all, map, names, filter);
    this.#placeOf = new Int32Array(map.rows).fill(-1);
    this.#shown.rows.forEach((row, place) => (this.#placeOf[row] = place));
    this.#dirty = "all";
    this.#box.setAttribute("aria-rowcount", String(this.#shown.rows.length));
    this.#box.setAttribute("aria-colcount", String(this.#shown.columns.length));
  }

  #paint() {
    this.#arrange();
    const map = this.#map;
    if (!map) return;
    const view = { width: this.#box.clientWidth, height: this.#box.clientHeight };
    if (view.width === 0 || view.height === 0) return;
    const to = scale(this.#shown, view, this.#cells);
    if (JSON.stringify(to) !== JSON.stringify(this.#scale) || this.#blocks.length !== to.down * to.across) {
      this.#scale = to;
      this.#blocks = new Uint8Array(to.down * to.across);
      this.#dirty = "all";
      this.#sheet.style.height = `${to.down * to.height}px`;
      this.#sheet.style.width = `${to.across * to.width}px`;
    }
    const changed = this.#dirty === "all" || this.#dirty.size > 0;
    const rows = this.#dirty === "all" ? Array.from({ length: to.down }, (_, n) => n) : this.#dirty;
    for (const down of rows) if (down < to.down) worst(map, this.#shown, to, down, this.#blocks);
    this.#dirty = new Set();
    this.#blit(view);
    this.#point_(view);
    if (changed) this.#tally();
  }

  /** Blocks that are in sight, as pixels. @param {{width: number, height: number}} view */
  #blit(view) {
    const { height, width, down, across } = this.#scale;
    const [top, left] = [this.#box.scrollTop, this.#box.scrollLeft];
    const canvas = this.#canvas;
    const size = { width: Math.min(view.width, across * width), height: Math.min(view.height, down * height) };
    if (canvas.width !== size.width || canvas.height !== size.height) Object.assign(canvas, size);
    const context = canvas.getContext("2d", { alpha: false });
    if (!context || size.width === 0 || size.height === 0) return;
    const tiles = this.#coloured(context);
    const image = context.createImageData(size.width, size.height);
    const pixels = new Uint32Array(image.data.buffer);
    const rows = visible(top, size.height, height, down);
    const columns = visible(left, size.width, width, across);
    const dims = this.#loadedCause !== "";
    for (let r = rows.first; r < rows.end; r += 1) {
      for (let c = columns.first; c < columns.end; c += 1) {
        const byte = this.#blocks[r * across + c] ?? 0;
        const look = stateOf(byte) + (byte & UNEXPLAINED ? 6 : 0) + (byte & QUEUEING ? 12 : 0) + (dims && !(byte & LIT) ? 24 : 0);
        const tile = /** @type {Uint32Array} */ (tiles[look]);
        const [x0, y0] = [c * width - left, r * height - top];
        let n = 0;
        for (let y = y0; y < y0 + height; y += 1) {
          for (let x = x0; x < x0 + width; x += 1, n += 1) {
            if (x >= 0 && y >= 0 && x < size.width && y < size.height) pixels[y * size.width + x] = tile[n] ?? 0;
          }
        }
      }
    }
    context.putImageData(image, 0, 0);
  }

  /** A picture of each look: colour, and where there is room a shape. @param {CanvasRenderingContext2D} context */
  #coloured(context) {
    const { height, width } = this.#scale;
    const key = `${height} ${width} ${this.#theme} ${getComputedStyle(this).getPropertyValue("--map-optimal")}`;
    if (key === this.#tilesKey) return this.#tiles;
    this.#tilesKey = key;
    const probe = h("span");
    this.append(probe);
    // Drawn and read back: whatever a style sheet may say of a colour, these are its bytes.
    const colour = (/** @type {string} */ name, dim = false) => {
      probe.style.color = `var(--map-${name})`;
      context.fillStyle = getComputedStyle(probe).color;
      context.fillRect(0, 0, 1, 1);
      if (dim) {
        probe.style.color = "var(--map-none)";
        context.globalAlpha = 0.75;
        context.fillStyle = getComputedStyle(probe).color;
        context.fillRect(0, 0, 1, 1);
        context.globalAlpha = 1;
      }
      return new Uint32Array(context.getImageData(0, 0, 1, 1).data.buffer)[0] ?? 0;
    };
    this.#tiles = Array.from({ length: 48 }, (_, look) => {
      const [state, unexplained, queueing, dim] = [look % 6, look % 12 >= 6, look % 24 >= 12, look >= 24];
      const [paper, ink, loud] = [colour("none", dim), colour(WORDS[state]?.replace(" ", "-") ?? "unknown", dim), colour("loud", dim)];
      return Uint32Array.from({ length: height * width }, (_, n) => {
        const [x, y] = [n % width, Math.floor(n / width)];
        const shaped = height >= SHAPE_PX && width >= SHAPE_PX;
        // A gap, so that cells can be counted.
        if (shaped && (x === width - 1 || y === height - 1)) return paper;
        const edge = shaped && (x < 2 || y < 2 || x >= width - 3 || y >= height - 3);
        if (unexplained && edge) return loud;
        if (queueing && shaped && x >= width - 5 && y < 4) return loud;
        if (state === 0) return paper;
        if (!shaped) return ink;
        if (state === 2) return x * height >= (height - 1 - y) * width ? ink : paper;
        if (state === 3) return edge ? ink : paper;
        if (state === 5) return (x + y) % 4 < 2 ? ink : paper;
        return ink;
      });
    });
    probe.remove();
    return this.#tiles;
  }

  /** The cursor, and what it points at. @param {{width: number, height: number}} view */
  #point_(view) {
    const { height, width, down, across, perRow, perColumn } = this.#scale;
    const at = this.#at = { row: Math.max(0, Math.min(this.#at.row, down - 1)), column: Math.max(0, Math.min(this.#at.column, across - 1)) };
    const { style } = this.#cell;
    const [cursorHeight, cursorWidth] = [Math.max(height, 8), Math.max(width, 8)];
    style.height = `${cursorHeight}px`;
    style.width = `${cursorWidth}px`;
    style.top = `${at.row * height - (cursorHeight - height) / 2}px`;
    style.left = `${at.column * width - (cursorWidth - width) / 2}px`;
    this.#cell.hidden = down === 0 || across === 0;
    const words = this.#words(at);
    if (this.#cell.ariaLabel !== words) this.#cell.ariaLabel = words;
    this.#cell.parentElement?.setAttribute("aria-rowindex", String(at.row * perRow + 1));
    this.#cell.setAttribute("aria-colindex", String(at.column * perColumn + 1));
    if (this.#line.textContent !== words) this.#line.textContent = words;
    this.#box.toggleAttribute("data-scrolls", down * height > view.height || across * width > view.width);
  }

  /** @param {{row: number, column: number}} at */
  #words(at) {
    if (!this.#map || !this.#names || this.#shown.rows.length === 0 || this.#shown.columns.length === 0) return "";
    return blockWords(block(this.#map, this.#shown, this.#scale, { down: at.row, across: at.column }), this.#names, this.#loadedCause !== "");
  }

  /** Not looked through again for what did not change: the summary has it by LUN, this is by block. */
  #tally() {
    const counts = new Array(WORDS.length).fill(0);
    for (const byte of this.#blocks) counts[stateOf(byte)] += 1;
    const { perRow, perColumn } = this.#scale;
    const what = perRow * perColumn === 1 ? "cell" : `block of ${perRow} × ${perColumn} cells`;
    const order = [4, 3, 2, 5, 1, 0].filter((state) => counts[state] > 0);
    keep(this.#counts, [
      ...order.map((state) => ({
        key: String(state), sig: counts[state],
        make: () => h("li", {}, h("span", { class: "map-swatch", "data-map": WORDS[state]?.replace(" ", "-") }), ` ${counts[state]} `,
          state === 0 ? "not expected" : h("span", { class: "state", "data-state": WORDS[state] }, WORDS[state])),
      })),
      { key: "what", sig: what, make: () => h("li", { class: "soft" }, `each ${what}${perRow * perColumn === 1 ? "" : ", by the worst in it"}`) },
    ]);
  }

  /** @param {PointerEvent | MouseEvent} event */
  #under(event) {
    const box = this.#box.getBoundingClientRect();
    const at = {
      row: Math.floor((event.clientY - box.top - this.#box.clientTop + this.#box.scrollTop) / this.#scale.height),
      column: Math.floor((event.clientX - box.left - this.#box.clientLeft + this.#box.scrollLeft) / this.#scale.width),
    };
    return at.row >= 0 && at.row < this.#scale.down && at.column >= 0 && at.column < this.#scale.across ? at : null;
  }

  /** @param {PointerEvent} event */
  #point(event) {
    const at = this.#under(event);
    this.#tip.hidden = !at;
    if (!at) return;
    this.#tip.textContent = this.#words(at);
    this.#tip.style.left = `${Math.min(event.clientX + 14, innerWidth - 340)}px`;
    this.#tip.style.top = `${Math.min(event.clientY + 18, innerHeight - 90)}px`;
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const at = this.#under(event);
    if (!at) return;
    this.#at = at;
    this.#jump();
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#jump();
      return;
    }
    if (event.key === "+" || event.key === "-" || event.key === "−") {
      event.preventDefault();
      this.#zoom(event.key === "+");
      return;
    }
    const { down, across, height } = this.#scale;
    const page = Math.max(1, Math.floor(this.#box.clientHeight / height) - 1);
    const to = moved(this.#at, event, { rows: down, columns: across, page });
    if (!to) return;
    event.preventDefault();
    // Here the headers are no places of their own.
    this.#at = { row: Math.max(0, to.row), column: Math.max(0, to.column) };
    this.#reveal();
    this.#soon();
  }

  #reveal() {
    const { height, width } = this.#scale;
    const { row, column } = this.#at;
    const box = this.#box;
    box.scrollTop = Math.min(row * height, Math.max(box.scrollTop, (row + 1) * height - box.clientHeight));
    box.scrollLeft = Math.min(column * width, Math.max(box.scrollLeft, (column + 1) * width - box.clientWidth));
  }

  /** Each cell by itself, or all at once; the cursor stays with its worst cell. @param {boolean} cells */
  #zoom(cells) {
    if (cells === this.#cells || !this.#map) return;
    const of = block(this.#map, this.#shown, this.#scale, { down: this.#at.row, across: this.#at.column });
    this.#cells = cells;
    this.#paint();
    this.#at = {
      row: Math.floor((this.#placeOf[of.row] ?? 0) / this.#scale.perRow),
      column: Math.floor(Math.max(0, this.#shown.columns.indexOf(of.column)) / this.#scale.perColumn),
    };
    this.#reveal();
    this.draw();
  }

  /** To the worst cell of the block, in the matrix. */
  #jump() {
    const [map, names] = [this.#map, this.#names];
    if (!map || !names || this.#shown.rows.length === 0 || this.#shown.columns.length === 0) return;
    const of = block(map, this.#shown, this.#scale, { down: this.#at.row, across: this.#at.column });
    const wwid = names.rows[of.row]?.wwid ?? "";
    const node = names.columns[of.column] ?? "";
    const large = map.rows * map.columns > JUMP_CELLS_MAX;
    location.hash = href("matrix", "", {
      ...writeFilter(readFilter(this.route.query)), unclean: "0", node: "", wwid: large ? wwid : "", cell: of.byte === 0 ? undefined : `${wwid}/${node}`,
    });
  }

  #read() {
    const form = new FormData(this.#form);
    const filter = readFilter(this.route.query);
    filter.states = form.getAll("state").map(String);
    filter.name = String(form.get("name") ?? "");
    filter.cause = String(form.get("cause") ?? "");
    filter.unclean = form.has("unclean") ? true : null;
    const query = { ...writeFilter(filter), at: this.route.query.get("at") ?? undefined };
    history.replaceState(null, "", href("map", "", query));
    this.lead(parse(location.hash));
  }

  /** @param {import("../model/status.js").ClusterStatus} status */
  #drawForm(status) {
    const filter = readFilter(this.route.query);
    const causes = sorted(status.findings).standing.filter((finding) => (finding.explains?.cells ?? 0) > 0).slice(0, CAUSES_MAX);
    const key = JSON.stringify(causes.map((finding) => [fingerprint(finding), findingLine(finding)]));
    if (this.#form.dataset["causes"] !== key && !this.#form.contains(document.activeElement)) {
      this.#form.dataset["causes"] = key;
      this.#form.replaceChildren(
        h("label", {}, "name ", h("input", { type: "search", name: "name", autocomplete: "off", spellcheck: "false" })),
        h("label", {}, h("input", { type: "checkbox", name: "unclean" }), " only what is not optimal everywhere"),
        h("fieldset", {}, h("legend", { class: "unseen" }, "State"), ...STATES.map((state) =>
          h("label", {}, h("input", { type: "checkbox", name: "state", value: state }), " ", h("span", { class: "state", "data-state": state }, state)))),
        h("label", {}, "light ", h("select", { name: "cause", class: "map-cause" }, h("option", { value: "" }, "no cause"),
          ...causes.map((finding) => h("option", { value: fingerprint(finding) }, findingLine(finding))))),
        h("span", { class: "buttons" },
          h("button", { type: "button", "data-zoom": "out", onclick: () => this.#zoom(false) }, "all at once"),
          h("button", { type: "button", "data-zoom": "in", onclick: () => this.#zoom(true) }, "each cell"),
          h("a", { "data-zoom": "matrix" }, "as matrix")));
    }
    for (const field of this.#form.elements) {
      if (field === document.activeElement && field instanceof HTMLInputElement && field.type === "search") continue;
      if (field instanceof HTMLInputElement && field.type === "checkbox") field.checked = field.name === "unclean" ? filter.unclean === true : filter.states.includes(field.value);
      else if (field instanceof HTMLInputElement) field.value = filter.name;
      else if (field instanceof HTMLSelectElement) field.value = filter.cause;
      else if (field instanceof HTMLButtonElement) field.setAttribute("aria-pressed", String((field.dataset["zoom"] === "in") === this.#cells));
    }
    this.#form.querySelector("a")?.setAttribute("href", href("matrix", "", writeFilter(filter)));
  }
}
