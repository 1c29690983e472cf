// The styles of one LUN, one node and the configuration: they come with the first of these views.

import { h } from "../h.js";

const ADDRESS = "/ui/detail.css";

export function bringStyles() {
  if (!document.querySelector(`link[href="${ADDRESS}"]`)) document.head.append(h("link", { rel: "stylesheet", href: ADDRESS }));
}
