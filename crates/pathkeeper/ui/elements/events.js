// What changed, newest first, as the answering node saw it.

import { h, time } from "../h.js";
import { plural } from "../format.js";
import { folded } from "../model/events.js";
import { href } from "../model/route.js";

const MARKS = /** @type {Record<string, string>} */ ({ appeared: "+", changed: "~", cleared: "✓" });

/** @param {import("../api-types.js").Timeline} timeline */
export function eventItems(timeline) {
  return folded(timeline.events).map(({ event, more }) => ({
    key: String(event.id),
    sig: [event, more.length],
    make: () => {
      const { wwid, node } = event.scope;
      const name = event.name ?? wwid;
      // The scope is linked; where the text names it itself, it is not said twice.
      const said = wwid && name && event.text.startsWith(`${name}: `) ? event.text.slice(name.length + 2) : event.text;
      return h("li", { "data-what": event.what, "data-severity": event.severity },
        time(event.at), " ",
        h("span", { class: "what", title: event.what }, MARKS[event.what] ?? "·", h("span", { class: "unseen" }, ` ${event.what} `)),
        wwid ? h("a", { href: href("lun", wwid) }, name) : null,
        wwid && more.length > 0 ? ` and ${plural(more.length, "other LUN")}` : null,
        wwid && node ? " on " : null,
        node ? h("a", { href: href("node", node) }, node) : null,
        wwid || node ? ": " : null, said, " ",
        event.code ? h("code", { class: "code" }, event.code) : null);
    },
  }));
}

/** Why a history may be thinner than it looks. @param {import("../api-types.js").Timeline} timeline */
export function historyWords(timeline) {
  return h("p", { class: "soft" }, `as ${timeline.node} saw it`,
    timeline["kept-since"] == null ? null : ", kept since ",
    timeline["kept-since"] == null ? null : time(timeline["kept-since"]));
}
