// What takes longest is begun first: the event stream, while the page's modules are still on their way, and the modules of the
// matrix where that is asked for. This has one import, so it runs before all else.

import { orderOf, parse, rowsOf } from "./model/route.js";

const MATRIX = ["./elements/matrix.js", "./elements/grid.js", "./model/window.js", "./model/rows.js", "./elements/paint.js", "./model/guests.js", "./model/marks.js"];

/** Asked for at once beside it; an answer that nobody wanted for so long is none of now. */
const QUESTIONS = ["/api2/json/nodes", "/api2/json/session"];
const FRESH_MS = 2_000;
const began = Date.now();
/** @type {Map<string, Promise<Response | undefined>>} */
const questions = new Map(QUESTIONS.map((path) => [path, fetch(path, { cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(10_000) }).catch(() => undefined)]));
const route = parse(location.hash);
const rows = rowsOf(route);
const stream = new EventSource(eventsAddress(rows, orderOf(route)));
/** What came before anybody asked for it. @type {MessageEvent[] | null} */
let heard = [];
for (const name of ["snapshot", "rows", "delta"]) stream.addEventListener(name, (event) => heard?.push(event));

for (const name of route.view === "matrix" ? MATRIX : []) {
  const link = document.createElement("link");
  link.rel = "modulepreload";
  link.href = new URL(name, import.meta.url).href;
  document.head.append(link);
}

/** @param {string} rows as in `rowsOf` @param {string} order of all, as in `orderOf` */
export function eventsAddress(rows, order) {
  return `/events?${rows || order}`;
}

/** The answer to one of those, once. @param {string} path */
export async function askedAtOnce(path) {
  const answer = questions.get(path);
  questions.delete(path);
  return Date.now() - began < FRESH_MS ? answer : undefined;
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
