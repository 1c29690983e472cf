// Where one is: the address after the hash, so that a link lands on the row. No DOM here.

/**
 * @typedef {object} Route
 * @property {"overview" | "matrix" | "map" | "lun" | "node" | "config"} view
 * @property {string} name the LUN's WWID or the node's name; empty elsewhere
 * @property {URLSearchParams} query filters, cell, `at`
 */

const VIEWS = new Set(["matrix", "map", "lun", "node", "config"]);
const NAMED = new Set(["lun", "node"]);

/** What an address means; what it cannot mean is the overview. @param {string} hash @returns {Route} */
export function parse(hash) {
  const text = hash.replace(/^#/, "").replace(/^\//, "");
  const [path = "", query = ""] = text.split(/\?(.*)/s);
  const [view = "", ...rest] = path.split("/");
  const name = decoded(rest.join("/"));
  if (!VIEWS.has(view) || NAMED.has(view) !== (name !== "")) {
    return { view: "overview", name: "", query: new URLSearchParams(query) };
  }
  return { view: /** @type {Route["view"]} */ (view), name, query: new URLSearchParams(query) };
}

/** Which rows a view needs of the event stream, in the words of its address. @param {Route} route */
export function rowsOf({ view, name, query }) {
  const wwid = view === "lun" ? name : view === "matrix" ? query.get("wwid") : null;
  if (wwid) return `wwid=${encodeURIComponent(wwid)}`;
  return view === "matrix" ? "" : view === "map" ? "rows=map" : "rows=none";
}

/** In which order they come where all are asked for: what is shown first comes first. The filter's words are those of `rows.js`.
 * @param {Route} route */
export function orderOf({ query }) {
  const unclean = query.get("unclean");
  // Who asks for something by name, or for a state, wants to see it, well or not.
  const named = query.get("name") || query.get("state");
  const all = unclean === null ? named : ["0", "no", "false", "off"].includes(unclean);
  return `first=${all ? "all" : "unclean"}${query.get("group") === "none" ? "&group=none" : ""}`;
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/**
 * The address of a view. @param {Route["view"]} view @param {string} [name]
 * @param {URLSearchParams | Record<string, string | undefined>} [query]
 */
export function href(view, name = "", query = {}) {
  const pairs = query instanceof URLSearchParams ? [...query] : Object.entries(query);
  const kept = new URLSearchParams();
  for (const [key, value] of pairs) {
    if (value) kept.set(key, value);
  }
  const path = view === "overview" ? "" : NAMED.has(view) ? `${view}/${encodeURIComponent(name)}` : view;
  return kept.size > 0 ? `#/${path}?${kept}` : `#/${path}`;
}
