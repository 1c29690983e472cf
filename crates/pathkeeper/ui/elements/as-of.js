// Another time: the status as the answering node remembers it.

import { h } from "../h.js";
import { href } from "../model/route.js";

/** `2026-11-30T03:12`, local, as the picker has it. @param {number} epochS */
function local(epochS) {
  const then = new Date(epochS * 1000 - new Date(epochS * 1000).getTimezoneOffset() * 60_000);
  return then.toISOString().slice(0, 19);
}

/** @param {import("../model/route.js").Route} route @param {number | null} at */
export function asOfForm(route, at) {
  const input = h("input", { type: "datetime-local", step: "1", "aria-label": "As of", value: at === null ? "" : local(at) });
  return h("form", { class: "as-of", onsubmit: go }, input, h("button", { type: "submit" }, "show"));
  /** @param {SubmitEvent} event */
  function go(event) {
    event.preventDefault();
    const query = new URLSearchParams(location.hash.split(/\?(.*)/s)[1] ?? "");
    const then = Math.floor(new Date(input.value).getTime() / 1000);
    if (Number.isFinite(then)) query.set("at", String(then));
    else query.delete("at");
    location.hash = href(route.view, route.name, query);
  }
}
