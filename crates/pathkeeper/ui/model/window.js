// Which part of a large grid is on the screen, and where a key leads. No DOM here.

/** Rows and columns beyond the edge, so that a short scroll shows no gap. Each more is some thirty cells to lay out and paint. */
const OVERSCAN = 2;

/**
 * The first and the end of what is on the screen.
 * @param {number} scroll where it is scrolled to, px @param {number} view what is seen of it, px
 * @param {number} size of one, px @param {number} count of all @param {number} [step] both are multiples of it, so that they change seldom;
 * with 0 there is nothing beyond the edge
 */
export function visible(scroll, view, size, count, step = 1) {
  const [over, of] = step === 0 ? [0, 1] : [OVERSCAN, step];
  const down = Math.floor((scroll / size - over) / of) * of;
  const up = Math.ceil(((scroll + view) / size + over) / of) * of;
  const first = Math.min(count, Math.max(0, down));
  return { first, end: Math.max(first, Math.min(count, up)) };
}

/**
 * Where a key leads from a cell; null for a key that leads nowhere. Row −1 holds the column headers, column −1 the row headers.
 * @param {{row: number, column: number}} at @param {{key: string, ctrlKey: boolean}} event
 * @param {{rows: number, columns: number, page: number}} grid
 */
export function moved(at, event, grid) {
  const { row, column } = at;
  const last = { row: grid.rows - 1, column: grid.columns - 1 };
  const to = (/** @type {number} */ r, /** @type {number} */ c) => ({
    row: Math.min(last.row, Math.max(-1, r)),
    column: Math.min(last.column, Math.max(-1, c)),
  });
  switch (event.key) {
    case "ArrowUp": return to(row - 1, column);
    case "ArrowDown": return to(row + 1, column);
    case "ArrowLeft": return to(row, column - 1);
    case "ArrowRight": return to(row, column + 1);
    case "PageUp": return to(row - grid.page, column);
    case "PageDown": return to(row + grid.page, column);
    case "Home": return event.ctrlKey ? to(0, -1) : to(row, -1);
    case "End": return event.ctrlKey ? to(last.row, last.column) : to(row, last.column);
    default: return null;
  }
}
