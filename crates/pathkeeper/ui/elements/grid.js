// The grid of LUNs and nodes: real cells, but only those on the screen. One tab stop; arrows, Home, End and the page keys lead on.
// Rows stay the same elements while their content changes, so that nothing jumps under a pointer or a reader.

import { h } from "../h.js";
import { moved, visible } from "../model/window.js";

/**
 * @typedef {import("../model/rows.js").Line} Line
 * @typedef {object} Painter what fills the grid
 * @property {(name: string) => HTMLElement} column a column's header
 * @property {(line: Line) => HTMLElement} header a row's header
 * @property {(line: Line, name: string) => HTMLElement | null} cell null where nothing is expected
 * @property {(line: Line, name: string | null) => void} open a cell, or with null a row; somebody pressed Enter or clicked
 * @property {(name: string) => void} openColumn
 */

/** @typedef {{first: number, end: number}} Range */
/** @typedef {{element: HTMLElement, cells: Map<number, HTMLElement>, line: Line, at: number, window: string, paint: number}} Drawn */

const ROW_PX = 26;
const HEAD_PX = 40;
const NAME_PX = 290;
const CELL_PX = 84;
/** On a narrow screen the names leave room for a few cells. */
const NARROW_PX = 560;
const NAME_NARROW_PX = 150;
/** Rows and columns come and go so many at a time: what is in sight is painted anew with each that comes, so a scroll is work for
 * one frame in several. */
const ROW_STEP = 4;
const COLUMN_STEP = 2;

export class Grid extends HTMLElement {
  /** @type {Line[]} */
  #lines = [];
  /** @type {string[]} */
  #columns = [];
  /** @type {Painter | null} */
  #painter = null;
  #paint = 0;
  #sheet = h("div", { role: "presentation", class: "sheet" });
  #grid = h("div", { role: "grid", class: "grid", "aria-label": "State of each LUN on each node" }, this.#sheet);
  #head = h("div", { role: "row", class: "row head", "aria-rowindex": "1" });
  #headKey = "";
  /** What is on the screen, by key; cells by column. @type {Map<string, Drawn>} */
  #rows = new Map();
  /** The one tab stop. */
  #at = { row: 0, column: -1 };
  #drawing = false;
  /** What is beyond the edge comes after what is in sight. */
  #isAhead = false;
  #isFirst = true;
  /** What is printed in its place. @type {HTMLElement | null} */
  #paper = null;
  /** Makes that; it comes a moment after the grid. @type {typeof import("./paper.js").paper | null} */
  paper = null;
  #name = 0;
  /** What is seen of it, as the browser told: to ask has all laid out in the midst of being made. At first a guess. */
  #seen = { width: innerWidth - 50, height: Math.max(200, innerHeight - 340), top: 0, left: 0 };
  /** What was written to the document last, so that it is written once. */
  #written = "";
  /** @type {HTMLElement | null} */
  #stopped = null;
  #listening = new AbortController();
  /** @type {(row: import("../model/status.js").LunRow, name: string) => boolean} */
  isLit = () => false;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.append(this.#grid);
    this.#sheet.append(this.#head);
    this.#grid.addEventListener("scroll", () => this.#soon(), { signal, passive: true });
    const sizes = new ResizeObserver(() => {
      const { clientWidth: width, clientHeight: height } = this.#grid;
      if (height === 0) return;
      this.#seen = { ...this.#seen, width, height };
      this.#draw();
    });
    // Not the grid within: its bars come and go with what is drawn.
    sizes.observe(this);
    signal.addEventListener("abort", () => sizes.disconnect());
    this.#grid.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#grid.addEventListener("click", (event) => this.#click(event), { signal });
    // What a cell says by its label it shows to a pointer; thousands of titles are not made for one.
    this.#grid.addEventListener("mouseover", ({ target }) => {
      if (target instanceof HTMLElement && target.ariaLabel && !target.title) target.title = target.ariaLabel;
    }, { signal });
    this.#grid.addEventListener("copy", copyWhole, { signal });
    addEventListener("beforeprint", () => this.#print(true), { signal });
    addEventListener("afterprint", () => this.#print(false), { signal });
  }

  disconnectedCallback() {
    this.#listening.abort();
  }

  /** Whether somebody is in it: then no row moves. */
  get isRead() {
    return this.#grid.matches(":hover") || this.#grid.contains(document.activeElement);
  }

  /**
   * Shows these. A new `paint` number repaints rows whose content did not change. While more lines are to come their number is not known.
   * @param {Line[]} lines @param {string[]} columns @param {Painter} painter @param {number} paint @param {boolean} whole
   */
  show(lines, columns, painter, paint, whole) {
    this.#lines = lines;
    this.#columns = columns;
    this.#painter = painter;
    this.#paint = paint;
    this.#grid.setAttribute("aria-rowcount", String(whole ? lines.length + 1 : -1));
    this.#grid.setAttribute("aria-colcount", String(columns.length + 1));
    this.#at.row = Math.min(this.#at.row, Math.max(lines.length - 1, -1));
    this.#at.column = Math.min(this.#at.column, columns.length - 1);
    this.#draw();
  }

  /** Scrolls to a cell, without taking the focus. @param {string} key @param {string} [column] */
  reveal(key, column) {
    const row = this.#lines.findIndex((line) => line.key === key);
    if (row < 0) return;
    this.#at = { row, column: column === undefined ? -1 : this.#columns.indexOf(column) };
    this.#scrollTo();
    this.#look();
  }

  focusCell() {
    this.#scrollTo();
    this.#look();
    this.#stop()?.focus({ preventScroll: true });
  }

  /** Lights cells, those too that are scrolled into sight later; null lights none and dims none. @param {Grid["isLit"] | null} which */
  light(which) {
    if (which === null && !this.hasAttribute("data-lit")) return;
    this.isLit = which ?? (() => false);
    this.toggleAttribute("data-lit", which !== null);
    for (const { cells, line } of this.#rows.values()) for (const [n, cell] of cells) this.#lit(cell, line, n);
  }

  /** @param {HTMLElement} cell @param {Line} line @param {number} n */
  #lit(cell, line, n) {
    cell.toggleAttribute("data-lit", line.row !== null && this.isLit(line.row, this.#columns[n] ?? ""));
  }

  #soon() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#look();
    });
  }

  /** Draws where it is scrolled to. */
  #look() {
    const { scrollTop: top, scrollLeft: left } = this.#grid;
    this.#seen = { ...this.#seen, top, left };
    this.#draw();
  }

  #draw() {
    if (!this.#painter) return;
    const { width, height, top, left } = this.#seen;
    this.#name = width < NARROW_PX ? NAME_NARROW_PX : NAME_PX;
    const rows = visible(top, height - HEAD_PX, ROW_PX, this.#lines.length, this.#isAhead ? ROW_STEP : 0);
    const columns = visible(left, width - this.#name, CELL_PX, this.#columns.length, this.#isAhead ? COLUMN_STEP : 0);
    const names = indexes(columns, this.#at.column);
    const shown = indexes(rows, this.#at.row);
    this.#write(columns.first);
    const window = `${names.join()} ${this.#columns.length}`;
    this.#drawHead(names, columns, window);
    const before = this.#rows;
    /** @type {Map<string, Drawn>} */
    const after = new Map();
    for (const n of shown) {
      const line = this.#lines[n];
      if (!line) continue;
      const old = before.get(line.key);
      const same = old && old.line.text === line.text && old.line.row === line.row && old.paint === this.#paint;
      if (same && old.window !== window) this.#columnsOf(old, line, names, columns, window);
      const drawn = same ? old : this.#row(line, names, columns, window, old?.element);
      after.set(line.key, drawn);
      if (drawn.at === n) continue;
      drawn.at = n;
      const { element } = drawn;
      element.style.top = `${HEAD_PX + n * ROW_PX}px`;
      element.setAttribute("aria-rowindex", String(n + 2));
      element.dataset["line"] = String(n);
    }
    for (const [key, { element }] of before) if (!after.has(key)) element.remove();
    this.#rows = after;
    this.#order(shown);
    this.#setStop();
    if (!this.#isFirst || shown.length === 0) return;
    this.#isFirst = false;
    requestAnimationFrame(() => setTimeout(() => {
      this.#isAhead = true;
      this.#draw();
    }));
  }

  /** How large everything is, and how far aside the first column stands. @param {number} first */
  #write(first) {
    const written = [this.#name, this.#lines.length, this.#columns.length, first].join();
    if (written === this.#written) return;
    this.#written = written;
    this.#grid.toggleAttribute("data-narrow", this.#name === NAME_NARROW_PX);
    const { style } = this.#sheet;
    style.height = `${HEAD_PX + this.#lines.length * ROW_PX}px`;
    style.width = `${this.#name + this.#columns.length * CELL_PX}px`;
    style.setProperty("--name", `${this.#name}px`);
    style.setProperty("--aside", `${first * CELL_PX}px`);
  }

  /** In the document as on the screen, for those who read the document. @param {number[]} shown */
  #order(shown) {
    /** @type {Element} */
    let last = this.#head;
    for (const n of shown) {
      const element = this.#rows.get(this.#lines[n]?.key ?? "")?.element;
      if (!element) continue;
      if (last.nextElementSibling !== element) last.after(element);
      last = element;
    }
  }

  /** @param {number[]} names @param {Range} columns @param {string} window */
  #drawHead(names, columns, window) {
    const key = `${window} ${this.#paint}`;
    if (key === this.#headKey) return;
    this.#headKey = key;
    const corner = h("div", { role: "columnheader", class: "corner", "aria-colindex": "1", "data-column": "-1", tabindex: "-1" }, "LUN");
    this.#fill(this.#head, [corner, ...names.map((n) => this.#place(/** @type {Painter} */ (this.#painter).column(this.#columns[n] ?? ""), n, columns))]);
  }

  /** @param {Line} line @param {number[]} names @param {Range} columns @param {string} window @param {HTMLElement} [old] @returns {Drawn} */
  #row(line, names, columns, window, old) {
    const painter = /** @type {Painter} */ (this.#painter);
    const element = old ?? h("div", { role: "row", class: `row ${line.kind}` });
    const header = painter.header(line);
    header.setAttribute("aria-colindex", "1");
    header.dataset["column"] = "-1";
    header.tabIndex = -1;
    const cells = new Map(line.kind === "group" ? [] : names.map((n) => [n, this.#cell(line, n, columns)]));
    this.#fill(element, [header, ...cells.values()]);
    return { element, cells, line, at: -1, window, paint: this.#paint };
  }

  /** @param {Line} line @param {number} n @param {Range} columns */
  #cell(line, n, columns) {
    const made = this.#painter?.cell(line, this.#columns[n] ?? "");
    const cell = this.#place(made ?? h("div", { role: "gridcell", class: "cell", "aria-label": "not expected" }), n, columns);
    if (this.hasAttribute("data-lit")) this.#lit(cell, line, n);
    return cell;
  }

  /** A row that was scrolled aside: cells that came into sight are made, the others stay or go.
   * @param {Drawn} drawn @param {Line} line @param {number[]} names @param {Range} columns @param {string} window */
  #columnsOf(drawn, line, names, columns, window) {
    drawn.window = window;
    if (line.kind === "group") return;
    const wanted = new Set(names);
    for (const [n, cell] of drawn.cells) {
      if (wanted.has(n)) continue;
      cell.remove();
      drawn.cells.delete(n);
    }
    /** @type {HTMLElement | null} */
    let next = null;
    for (let at = names.length - 1; at >= 0; at -= 1) {
      const n = names[at] ?? 0;
      let cell = drawn.cells.get(n);
      if (cell) place(cell, n, columns);
      else {
        cell = this.#cell(line, n, columns);
        drawn.cells.set(n, cell);
        drawn.element.insertBefore(cell, next);
      }
      next = cell;
    }
  }

  /** New content where old was; the focus stays in its column. @param {HTMLElement} parent @param {HTMLElement[]} content */
  #fill(parent, content) {
    const had = document.activeElement instanceof HTMLElement && parent.contains(document.activeElement)
      ? document.activeElement.closest("[data-column]")?.getAttribute("data-column") : null;
    parent.replaceChildren(...content);
    if (had != null) content.find((cell) => cell.dataset["column"] === had)?.focus({ preventScroll: true });
  }

  /** @param {HTMLElement} cell @param {number} n @param {Range} columns */
  #place(cell, n, columns) {
    place(cell, n, columns);
    cell.setAttribute("aria-colindex", String(n + 2));
    cell.dataset["column"] = String(n);
    cell.tabIndex = -1;
    return cell;
  }

  #stop() {
    const { row, column } = this.#at;
    const element = row < 0 ? this.#head : this.#rows.get(this.#lines[row]?.key ?? "")?.element;
    const found = element?.querySelector(`[data-column="${column}"]`) ?? element?.querySelector('[data-column="-1"]');
    return found instanceof HTMLElement ? found : null;
  }

  #setStop() {
    const stop = this.#stop();
    if (this.#stopped !== stop && this.#stopped) this.#stopped.tabIndex = -1;
    this.#stopped = stop;
    if (stop && stop.tabIndex !== 0) stop.tabIndex = 0;
  }

  #scrollTo() {
    const grid = this.#grid;
    const { row, column } = this.#at;
    const [top, bottom] = [row * ROW_PX, (row + 1) * ROW_PX + HEAD_PX];
    if (row >= 0 && top < grid.scrollTop) grid.scrollTop = top;
    else if (bottom > grid.scrollTop + grid.clientHeight) grid.scrollTop = bottom - grid.clientHeight;
    const [left, right] = [column * CELL_PX, (column + 1) * CELL_PX + this.#name];
    if (column >= 0 && left < grid.scrollLeft) grid.scrollLeft = left;
    else if (column >= 0 && right > grid.scrollLeft + grid.clientWidth) grid.scrollLeft = right - grid.clientWidth;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.altKey || event.metaKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.#open();
      return;
    }
    const page = Math.max(1, Math.floor((this.#grid.clientHeight - HEAD_PX) / ROW_PX) - 1);
    const to = moved(this.#at, event, { rows: this.#lines.length, columns: this.#columns.length, page });
    if (!to) return;
    event.preventDefault();
    this.#at = to;
    this.focusCell();
  }

  /** @param {MouseEvent} event */
  #click(event) {
    const cell = event.target instanceof Element ? event.target.closest("[data-column]") : null;
    const row = cell?.closest(".row");
    // A link in a header leads where it says.
    if (!(cell instanceof HTMLElement) || !(row instanceof HTMLElement) || (event.target instanceof Element && event.target.closest("a, button"))) return;
    this.#at = { row: row === this.#head ? -1 : Number(row.dataset["line"]), column: Number(cell.dataset["column"]) };
    this.focusCell();
    this.#open();
  }

  #open() {
    const { row, column } = this.#at;
    const name = this.#columns[column];
    if (row < 0) {
      if (name !== undefined) this.#painter?.openColumn(name);
      return;
    }
    const line = this.#lines[row];
    if (line?.kind === "lun") this.#painter?.open(line, name !== undefined && line.row?.nodes[name] ? name : null);
  }

  /** @param {boolean} on */
  #print(on) {
    this.#paper?.remove();
    this.#paper = null;
    if (!on || !this.#painter) return;
    this.#paper = this.paper?.(this.#lines, this.#columns, this.#painter) ?? h("p", { class: "paper problem" }, "This is not printed: the agent does not answer.");
    this.append(this.#paper);
  }
}

/** Cells in sight flow, each beside the one before; one that is kept although it is far aside stands where it belongs.
 * @param {HTMLElement} cell @param {number} n @param {Range} columns */
function place(cell, n, { first, end }) {
  const apart = n < first || n >= end;
  if (!apart && !cell.style.left) return;
  cell.style.position = apart ? "absolute" : "";
  cell.style.left = apart ? `calc(var(--name) + ${n * CELL_PX}px)` : "";
}

/** @param {Range} range @param {number} kept is shown as well: it has the focus */
function indexes({ first, end }, kept) {
  const all = [];
  if (kept >= 0 && kept < first) all.push(kept);
  for (let n = first; n < end; n += 1) all.push(n);
  if (kept >= end) all.push(kept);
  return all;
}

customElements.define("pk-grid", Grid);

/** Of a WWID all is copied, not the end that is shown. @param {ClipboardEvent} event */
function copyWhole(event) {
  const selection = getSelection();
  const marked = String(selection).trim();
  const at = marked ? selection?.anchorNode?.parentElement : document.activeElement;
  const wwid = at?.closest("[data-wwid]")?.getAttribute("data-wwid");
  if (!wwid?.endsWith(marked.replace("…", ""))) return;
  event.preventDefault();
  event.clipboardData?.setData("text/plain", wwid);
}
