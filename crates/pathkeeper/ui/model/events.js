// Events as they are listed. No DOM here.

/**
 * @typedef {import("../api-types.js").Event} Event
 * @typedef {{event: Event, more: Event[]}} Folded an event, and those of the same kind at the same time
 */

/** Events of one kind on one node within so long are one: an adapter that fails takes a thousand LUNs along. */
const TOGETHER_S = 2;

/** Newest first; the newest of each fold stands for it. @param {Event[]} events the newest last @returns {Folded[]} */
export function folded(events) {
  /** @type {Folded[]} */
  const all = [];
  for (const event of [...events].reverse()) {
    const last = all.findLast((fold) => fold.event.at - event.at <= TOGETHER_S && isAlike(fold.event, event));
    if (last) last.more.push(event);
    else all.push({ event, more: [] });
  }
  return all;
}

/** @param {Event} a @param {Event} b */
function isAlike(a, b) {
  return a.kind === b.kind && a.what === b.what && (a.code ?? null) === (b.code ?? null) && (a.scope.node ?? null) === (b.scope.node ?? null) &&
    a.scope.wwid != null && b.scope.wwid != null && (a.code != null || a.text === b.text);
}
