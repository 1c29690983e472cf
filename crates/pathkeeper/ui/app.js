// The page: one store, one shell, and the view that the address names.

import { useCsrf, whenUnauthorized } from "./api.js";
import { Config } from "./elements/config.js";
import { Lun } from "./elements/lun.js";
import { Matrix } from "./elements/matrix.js";
import { NodeView } from "./elements/node.js";
import { Overview } from "./elements/overview.js";
import { Shell } from "./elements/shell.js";
import { parse } from "./model/route.js";
import { Session } from "./session.js";
import { Store } from "./store.js";

const store = new Store();
const session = new Session();
const shell = new Shell(store, session);
const views = { overview: Overview, matrix: Matrix, lun: Lun, node: NodeView, config: Config };
for (const [name, view] of Object.entries(views)) customElements.define(`pk-${name}`, view);

/** @type {InstanceType<typeof views[keyof typeof views]> | null} */
let shown = null;

function go() {
  // The link past the header is no view.
  if (location.hash === "#main") return;
  const route = parse(location.hash);
  const at = Number(route.query.get("at"));
  store.asOf(Number.isSafeInteger(at) && at > 0 ? at : null);
  document.body.dataset["wall"] = route.query.get("wall") ? "yes" : "no";
  shell.route = route;
  if (shown instanceof views[route.view] && shown.route.name === route.name) {
    shown.lead(route);
  } else {
    const first = shown === null;
    shown = new views[route.view]();
    shown.store = store;
    shown.session = session;
    shown.route = route;
    document.getElementById("main")?.replaceChildren(shown);
    scrollTo(0, 0);
    // Who came by a link hears where they are.
    if (!first) shown.querySelector("h1")?.focus();
  }
  shell.draw();
}

addEventListener("hashchange", go);
session.addEventListener("change", () => {
  useCsrf(session.csrf);
  if (session.isOpen) store.restart();
  shell.draw();
  shown?.draw();
});
whenUnauthorized(() => session.ask());
session.look();
go();
store.start();
