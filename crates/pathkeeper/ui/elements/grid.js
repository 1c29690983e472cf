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

/** @typedef {{element: HTMLElement, cells: Map<number, HTMLElement>, text: string, row: unknown, paint: number}} Drawn */

const ROW_PX = 26;
const HEAD_PX = 40;
const NAME_PX = 290;
const CELL_PX = 78;
/** On a narrow screen the names leave room for a few cells. */
const NARROW_PX = 560;
const NAME_NARROW_PX = 150;
/** So many rows are printed. */
const PRINTED_MAX = 2_000;

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
  #printing = false;
  #name = NAME_PX;
  #listening = new AbortController();
  /** @type {(cell: HTMLElement) => boolean} */
  isLit = () => false;

  connectedCallback() {
    this.#listening = new AbortController();
    const { signal } = this.#listening;
    this.append(this.#grid);
    this.#sheet.append(this.#head);
    this.#grid.addEventListener("scroll", () => this.#soon(), { signal, passive: true });
    this.#grid.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#grid.addEventListener("click", (event) => this.#click(event), { signal });
    addEventListener("resize", () => this.#soon(), { signal });
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
   * Shows these. A new `paint` number repaints rows whose content did not change.
   * @param {Line[]} lines @param {string[]} columns @param {Painter} painter @param {number} paint
   */
  show(lines, columns, painter, paint) {
    this.#lines = lines;
    this.#columns = columns;
    this.#painter = painter;
    this.#paint = paint;
    this.#grid.setAttribute("aria-rowcount", String(lines.length + 1));
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
    this.#draw();
  }

  focusCell() {
    this.#scrollTo();
    this.#draw();
    this.#stop()?.focus({ preventScroll: true });
  }

  /** Lights cells, those too that are scrolled into sight later; null lights none and dims none. @param {((cell: HTMLElement) => boolean) | null} which */
  light(which) {
    this.isLit = which ?? (() => false);
    this.toggleAttribute("data-lit", which !== null);
    for (const { cells } of this.#rows.values()) for (const cell of cells.values()) cell.toggleAttribute("data-lit", this.isLit(cell));
  }

  #soon() {
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      this.#draw();
    });
  }

  #draw() {
    if (!this.#painter) return;
    const grid = this.#grid;
    this.#name = grid.clientWidth < NARROW_PX ? NAME_NARROW_PX : NAME_PX;
    grid.toggleAttribute("data-narrow", this.#name === NAME_NARROW_PX);
    this.#sheet.style.height = `${HEAD_PX + this.#lines.length * ROW_PX}px`;
    this.#sheet.style.width = `${this.#name + this.#columns.length * CELL_PX}px`;
    this.#sheet.style.setProperty("--name", `${this.#name}px`);
    const rows = this.#printing
      ? { first: 0, end: Math.min(this.#lines.length, PRINTED_MAX) }
      : visible(grid.scrollTop, grid.clientHeight - HEAD_PX, ROW_PX, this.#lines.length);
    const columns = this.#printing
      ? { first: 0, end: this.#columns.length }
      : visible(grid.scrollLeft, grid.clientWidth - this.#name, CELL_PX, this.#columns.length);
    const names = indexes(columns, this.#at.column);
    const shown = indexes(rows, this.#at.row);
    this.#drawHead(names);
    const before = this.#rows;
    /** @type {Map<string, Drawn>} */
    const after = new Map();
    for (const n of shown) {
      const line = this.#lines[n];
      if (!line) continue;
      const old = before.get(line.key);
      const same = old && old.text === line.text && old.row === line.row && old.paint === this.#paint;
      if (same) this.#columnsOf(old, line, names);
      const drawn = same ? old : this.#row(line, names, old?.element);
      after.set(line.key, drawn);
      const { element } = drawn;
      element.style.transform = `translateY(${HEAD_PX + n * ROW_PX}px)`;
      element.setAttribute("aria-rowindex", String(n + 2));
      element.dataset["line"] = String(n);
    }
    for (const [key, { element }] of before) if (!after.has(key)) element.remove();
    this.#rows = after;
    this.#order(shown);
    this.#setStop();
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

  /** @param {number[]} names */
  #drawHead(names) {
    const key = `${names.join()} ${this.#paint} ${this.#columns.length}`;
    if (key === this.#headKey) return;
    this.#headKey = key;
    const corner = h("div", { role: "columnheader", class: "corner", "aria-colindex": "1", "data-column": "-1", tabindex: "-1" }, "LUN");
    this.#fill(this.#head, [corner, ...names.map((n) => this.#place(/** @type {Painter} */ (this.#painter).column(this.#columns[n] ?? ""), n))]);
  }

  /** @param {Line} line @param {number[]} names @param {HTMLElement} [old] @returns {Drawn} */
  #row(line, names, old) {
    const painter = /** @type {Painter} */ (this.#painter);
    const element = old ?? h("div", { role: "row", class: `row ${line.kind}` });
    const header = painter.header(line);
    header.setAttribute("aria-colindex", "1");
    header.dataset["column"] = "-1";
    header.tabIndex = -1;
    const cells = new Map(line.kind === "group" ? [] : names.map((n) => [n, this.#cell(line, n)]));
    this.#fill(element, [header, ...cells.values()]);
    return { element, cells, text: line.text, row: line.row, paint: this.#paint };
  }

  /** @param {Line} line @param {number} n */
  #cell(line, n) {
    const made = this.#painter?.cell(line, this.#columns[n] ?? "");
    const cell = this.#place(made ?? h("div", { role: "gridcell", class: "cell", "aria-label": "not expected" }), n);
    cell.toggleAttribute("data-lit", this.isLit(cell));
    return cell;
  }

  /** A row that was scrolled aside: cells that came into sight are made, the others stay or go. @param {Drawn} drawn @param {Line} line @param {number[]} names */
  #columnsOf(drawn, line, names) {
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
      if (!cell) {
        cell = this.#cell(line, n);
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

  /** @param {HTMLElement} cell @param {number} n */
  #place(cell, n) {
    cell.style.left = `calc(var(--name) + ${n * CELL_PX}px)`;
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
    for (const other of this.#sheet.querySelectorAll('[tabindex="0"]')) {
      if (other !== stop && other instanceof HTMLElement) other.tabIndex = -1;
    }
    if (stop) stop.tabIndex = 0;
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
    this.#printing = on;
    this.#draw();
  }
}

/** @param {{first: number, end: number}} range @param {number} kept is shown as well: it has the focus */
function indexes({ first, end }, kept) {
  const all = [];
  if (kept >= 0 && kept < first) all.push(kept);
  for (let n = first; n < end; n += 1) all.push(n);
  if (kept >= end) all.push(kept);
  return all;
}

customElements.define("pk-grid", Grid);
