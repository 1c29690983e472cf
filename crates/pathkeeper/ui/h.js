// How elements are made: one helper, text as text. Nothing in these pages ever becomes markup.

import { clock, moment, span, utc } from "./format.js";

/**
 * @typedef {Node | string | number | null | undefined | false} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: any) => void)>} Props
 */

/**
 * An element. Properties that begin with `on` are listeners, `value` and `checked` are set as properties, true is an
 * empty attribute, and null, undefined and false leave the attribute out.
 *
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Props} [props]
 * @param {...(Child | Child[])} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") Reflect.set(element, name, value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...flat(children));
  return element;
}

/** @param {(Child | Child[])[]} children @returns {(Node | string)[]} */
function flat(children) {
  const kept = [];
  for (const child of children.flat()) {
    if (child === null || child === undefined || child === false) continue;
    kept.push(child instanceof Node ? child : String(child));
  }
  return kept;
}

/** What stands in a parent that `keep` fills. @type {WeakMap<Element, Map<string, {sig: string, element: HTMLElement}>>} */
const filled = new WeakMap();

/**
 * Fills a parent with elements by key. An element whose signature did not change is kept, so that what somebody
 * reads, hovers or has focused does not blink; one that is made anew gets the focus back by `data-focus`. One in which
 * somebody fills in a form (`data-typing`) waits until that is sent or left.
 *
 * @param {Element} parent
 * @param {{key: string, sig: unknown, make: () => HTMLElement}[]} items
 */
export function keep(parent, items) {
  const before = filled.get(parent) ?? new Map();
  /** @type {Map<string, {sig: string, element: HTMLElement}>} */
  const after = new Map();
  const focused = document.activeElement instanceof HTMLElement && parent.contains(document.activeElement)
    ? document.activeElement.dataset["focus"]
    : undefined;
  for (const { key, sig, make } of items) {
    const text = JSON.stringify(sig);
    const old = before.get(key);
    const stays = old && (old.sig === text || old.element.querySelector("[data-typing]"));
    after.set(key, stays ? old : { sig: text, element: make() });
  }
  for (const [key, { element }] of before) {
    if (after.get(key)?.element !== element) element.remove();
  }
  let at = 0;
  for (const { element } of after.values()) {
    if (parent.children[at] !== element) parent.insertBefore(element, parent.children[at] ?? null);
    at += 1;
  }
  // What stood there before it was filled in this way.
  while (parent.children.length > at) parent.lastElementChild?.remove();
  filled.set(parent, after);
  if (focused !== undefined && !parent.contains(document.activeElement)) {
    const again = [...parent.querySelectorAll("[data-focus]")];
    const found = again.find((element) => element instanceof HTMLElement && element.dataset["focus"] === focused);
    if (found instanceof HTMLElement) found.focus();
  }
}

/** A moment: local time as text, UTC in the title. @param {number} epochS @param {"clock" | "moment"} [how] */
export function time(epochS, how = "moment") {
  const text = how === "clock" ? clock(epochS) : moment(epochS);
  return h("time", { datetime: new Date(epochS * 1000).toISOString(), title: utc(epochS) }, text);
}

/**
 * `since 03:04 (8m)`. @param {number | null | undefined} sinceS @param {number} nowS @param {boolean} [atLeast]
 * @returns {Child[]}
 */
export function since(sinceS, nowS, atLeast = false) {
  if (sinceS === null || sinceS === undefined) return [];
  return ["since ", time(sinceS), ` (${atLeast ? "at least " : ""}${span(nowS - sinceS)})`];
}

/** A state: shape and word, in its colour. @param {string} state @param {string} [word] */
export function stateMark(state, word = state) {
  return h("span", { class: "state", "data-state": state }, word);
}
