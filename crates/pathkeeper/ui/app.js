// The page: one store, one shell, and the view that the address names. Views come when they are first asked for; what is
// heard comes at the same time. index.html has a browser load the two that are looked at first beside this.

import { useCsrf, whenUnauthorized } from "./api.js";
import { Shell } from "./elements/shell.js";
import { h } from "./h.js";
import { orderOf, parse, rowsOf } from "./model/route.js";
import { Session } from "./session.js";
import { Store } from "./store.js";

const store = new Store();
const session = new Session();
const shell = new Shell(store, session);

/** @type {Record<import("./model/route.js").Route["view"], () => Promise<new () => import("./elements/view.js").View>>} */
const views = {
  overview: async () => (await import("./elements/overview.js")).Overview,
  matrix: async () => (await import("./elements/matrix.js")).Matrix,
  map: async () => (await import("./elements/map.js")).MapView,
  lun: async () => (await import("./elements/lun.js")).Lun,
  node: async () => (await import("./elements/node.js")).NodeView,
  config: async () => (await import("./elements/config.js")).Config,
};

/** @type {import("./elements/view.js").View | null} */
let shown = null;
let turn = 0;

async function go() {
  // The link past the header is no view.
  if (location.hash === "#main") return;
  const route = parse(location.hash);
  const at = Number(route.query.get("at"));
  store.asOf(Number.isSafeInteger(at) && at > 0 ? at : null);
  store.want(rowsOf(route), orderOf(route));
  document.body.dataset["wall"] = route.query.get("wall") ? "yes" : "no";
  shell.route = route;
  shell.draw();
  if (shown && shown.route.view === route.view && shown.route.name === route.name) {
    shown.lead(route);
    return;
  }
  turn += 1;
  const mine = turn;
  const main = /** @type {HTMLElement} */ (document.getElementById("main"));
  try {
    const View = await views[route.view]();
    // Somebody went on meanwhile.
    if (mine !== turn) return;
    const first = shown === null;
    if (!customElements.get(`pk-${route.view}`)) customElements.define(`pk-${route.view}`, View);
    shown = new View();
    shown.store = store;
    shown.session = session;
    shown.route = route;
    main.replaceChildren(shown);
    scrollTo(0, 0);
    // Who came by a link hears where they are.
    if (!first) shown.querySelector("h1")?.focus();
  } catch (error) {
    shown = null;
    // A browser remembers a module that it could not get until the page is loaded anew.
    main.replaceChildren(h("p", { class: "problem", role: "alert" }, `this view cannot be shown: ${error instanceof Error ? error.message : error}`),
      h("p", {}, h("button", { type: "button", onclick: () => location.reload() }, "Load the page anew")));
  }
}

addEventListener("hashchange", go);
let may = JSON.stringify([session.mayChange, session.needed]);
session.addEventListener("change", () => {
  useCsrf(session.csrf);
  // What was refused before is asked for anew; a stream that lives is left alone.
  if (session.isOpen && store.connection === "lost") store.restart();
  shell.draw();
  // Views show what somebody may do, and not who it is.
  const may_ = JSON.stringify([session.mayChange, session.needed]);
  if (may_ !== may) shown?.redraw();
  may = may_;
});
whenUnauthorized(() => session.ask());
// An agent that was away may know nobody any more, and one that refuses says why.
for (const event of ["live", "refused"]) store.addEventListener(event, () => session.look());
go();
store.start();
