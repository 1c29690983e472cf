// Which part of a large grid is on the screen, and where a key leads. No DOM here.

/** Rows and columns beyond the edge, so that a short scroll shows no gap. */
const OVERSCAN = 4;

/**
 * The first and the end of what is on the screen.
 * @param {number} scroll where it is scrolled to, px @param {number} view what is seen of it, px
 * @param {number} size of one, px @param {number} count of all
 */
export function visible(scroll, view, size, count) {
  const first = Math.min(count, Math.max(0, Math.floor(scroll / size) - OVERSCAN));
  const end = Math.min(count, Math.ceil((scroll + view) / size) + OVERSCAN);
  return { first, end: Math.max(first, end) };
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
