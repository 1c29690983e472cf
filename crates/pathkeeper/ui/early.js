// What takes longest is begun first: the event stream, while the page's modules are still on their way, and the modules of the
// matrix where that is asked for. This has one import, so it runs before all else.

import { parse, rowsOf } from "./model/route.js";

const MATRIX = ["./elements/matrix.js", "./elements/grid.js", "./model/window.js", "./model/rows.js", "./elements/paint.js", "./model/guests.js", "./model/marks.js"];

const route = parse(location.hash);
const rows = rowsOf(route);
const stream = new EventSource(eventsAddress(rows));
/** What came before anybody asked for it. @type {MessageEvent[] | null} */
let heard = [];
for (const name of ["snapshot", "delta"]) stream.addEventListener(name, (event) => heard?.push(event));

for (const name of route.view === "matrix" ? MATRIX : []) {
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = new URL(name, import.meta.url).href;
  document.head.append(link);
}

/** @param {string} rows as in `rowsOf` */
export function eventsAddress(rows) {
  return rows ? `/events?${rows}` : "/events";
}

/**
 * The stream that was begun, once, if it brings these rows and lives, and what it said so far.
 * @param {string} wanted @returns {{stream: EventSource, heard: MessageEvent[]} | null}
 */
export function begun(wanted) {
  const before = heard;
  heard = null;
  if (before === null) return null;
  if (rows === wanted && stream.readyState !== EventSource.CLOSED) return { stream, heard: before };
  stream.close();
  return null;
}
