// Causes and other findings as cards: what, where, since when, whom it hits, what to do, and the way to mute it.

import { h, since } from "../h.js";
import { list, plural } from "../format.js";
import { href } from "../model/route.js";
import { findingLine, fingerprint, severityWord } from "../model/status.js";

/**
 * @typedef {import("../model/status.js").Finding} Finding
 * @typedef {object} CardOptions
 * @property {number} nowS
 * @property {boolean} [open] evidence and advice are shown at once
 * @property {import("../session.js").Session} [session] where it may be muted
 * @property {(fingerprint: string | null) => void} [onLight] it is pointed at or focused, or no longer
 * @property {boolean} [links] whether it leads to the matrix
 */

/** What somebody opened stays open when a card is made anew. @type {Set<string>} */
const opened = new Set();

/** @param {Finding} finding @param {CardOptions} options */
export function card(finding, options) {
  const mark = fingerprint(finding);
  const head = h("h3", {},
    h("span", { class: "severity", "data-severity": finding.severity }, severityWord(finding.severity)),
    " ", findingLine(finding));
  const facts = h("p", { class: "facts" }, ...spaced([
    span_(since(finding.since, options.nowS, finding["since-first-seen"] ?? false)),
    hits(finding),
    h("code", { class: "code" }, finding.code),
    finding.muted ? `muted by ${finding.muted.by}: “${finding.muted.reason}”` : null,
  ]));
  const evidence = lines(finding.evidence, "seen");
  const advice = lines(finding.advice, "do");
  const details = h("div", { class: "details", hidden: !(options.open || opened.has(mark)) }, evidence, advice);
  const first = finding.advice?.[0];
  const article = h("article", {
    class: "cause", tabindex: options.onLight ? "0" : null, "data-code": finding.code, "data-severity": finding.severity,
    "data-muted": finding.muted ? "yes" : null, "data-fingerprint": mark, "data-focus": `cause ${mark}`,
  }, head, facts,
    // The first thing to do is read without a click; the rest is one click away.
    options.open || !first ? null : h("p", { class: "do" }, ...firstWords(first)),
    h("p", { class: "links" }, options.open || !(evidence || advice) ? null : toggle(mark, details), ...links(finding, mark, options)),
    details);
  if (options.onLight) {
    const light = options.onLight;
    for (const on of ["mouseenter", "focusin"]) article.addEventListener(on, () => light(mark));
    for (const off of ["mouseleave", "focusout"]) article.addEventListener(off, () => light(null));
  }
  return article;
}

/** What to do, or what not to, with its word before it. @param {string} advice @returns {(Node | string)[]} */
function firstWords(advice) {
  const not = advice.startsWith("DO NOT ");
  return [h("span", { class: "tag" }, not ? "do not" : "do"), ` ${not ? advice.slice(7) : advice}`];
}

/** @param {string} mark @param {HTMLElement} details */
function toggle(mark, details) {
  const button = h("button", { type: "button", class: "plain", "aria-expanded": String(!details.hidden), "data-focus": `details ${mark}`, onclick: flip },
    "evidence and what to do");
  return button;
  function flip() {
    details.hidden = !details.hidden;
    button.setAttribute("aria-expanded", String(!details.hidden));
    if (details.hidden) opened.delete(mark);
    else opened.add(mark);
  }
}

/** @param {import("../h.js").Child[]} parts */
const span_ = (parts) => (parts.length > 0 ? h("span", {}, ...parts) : null);

/** @param {(Node | string | null)[]} parts */
function spaced(parts) {
  return parts.filter((part) => part !== null).map((part) => h("span", { class: "fact" }, part));
}

/** Whom it hits. @param {Finding} finding */
function hits(finding) {
  const parts = [];
  const explains = finding.explains;
  if (explains) {
    parts.push(plural(explains.luns, "LUN"));
    if (explains.paths > 0) parts.push(plural(explains.paths, "path"));
    if (explains.nodes.length > 1) parts.push(`on ${list(explains.nodes, 4)}`);
  }
  if (finding.guests != null) parts.push(plural(finding.guests, "guest"));
  return parts.length > 0 ? parts.join(", ") : null;
}

/** @param {string[] | undefined} texts @param {string} tag */
function lines(texts, tag) {
  if (!texts?.length) return null;
  return h("ul", { class: "lines", "data-tag": tag }, ...texts.map((text) => h("li", {}, text)));
}

/** @param {Finding} finding @param {string} mark @param {CardOptions} options */
function links(finding, mark, options) {
  const { wwid, node } = finding.scope;
  const all = [];
  if (wwid) all.push(h("a", { href: href("lun", wwid) }, "the LUN"));
  if (node) all.push(h("a", { href: href("node", node) }, node));
  if (options.links && (finding.explains?.cells ?? 0) > 0) {
    all.push(h("a", { href: href("matrix", "", { cause: mark }) }, `its ${plural(finding.explains?.cells ?? 0, "cell")}`));
  }
  if (options.session && !finding.muted && finding.severity !== "info") all.push(muteButton(finding, options.session));
  return all;
}

/** The form comes when somebody is about to ask for it. @param {Finding} finding @param {import("../session.js").Session} session */
function muteButton(finding, session) {
  const bring = () => import("./mute.js").catch(() => null);
  const open = h("button", { type: "button", class: "plain", onfocus: bring, onclick: async () => {
    if (!session.mayChange) return document.getElementById("login")?.click();
    const form = await bring();
    if (form) form.muteForm(box, open, finding);
    else open.textContent = "mute… (the agent does not answer)";
  } }, "mute…");
  const box = h("span", { class: "mute" }, open);
  return box;
}
