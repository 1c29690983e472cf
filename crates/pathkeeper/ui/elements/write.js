// Writing a document that others write, too: with the digest of what was looked at, and both texts side by side where somebody
// else was faster. Nothing is lost, and nobody's edit is written over unseen.

import { ApiError, send } from "../api.js";
import { h } from "../h.js";
import { pairs } from "../model/diff.js";

/**
 * @typedef {object} Write
 * @property {"POST" | "PUT" | "DELETE"} method
 * @property {string} path
 * @property {Record<string, unknown>} body without the digest
 * @property {string} digest of what was looked at
 * @property {string} mine what one had before one's eyes, or wrote
 * @property {string} mineTitle
 * @property {string} over what it is called to write it all the same
 * @property {string} [said] what was to be written, where `mine` does not show it
 * @property {() => Promise<Standing>} look what stands now
 * @property {() => Pick<Write, "body" | "mine">} [again] what is to be written by now: somebody may have gone on typing
 * @property {(standing: Standing) => void} [merge] takes what stands now into what one wrote
 * @property {(written: import("../api-types.js").Written | null) => void} done null: nothing was written, and what stands is left
 *
 * @typedef {{digest: string, text: string}} Standing
 */

/** Writes; what becomes of it is told in the box. @param {HTMLElement} box @param {Write} write */
export async function write(box, write) {
  box.replaceChildren(h("p", { class: "soft" }, "writing"));
  try {
    const inQuery = write.method === "DELETE";
    const written = await send(write.method, write.path, inQuery ? undefined : { ...write.body, digest: write.digest }, inQuery ? { digest: write.digest } : {});
    box.replaceChildren(h("p", { class: "soft" }, ["written; nothing is applied by that", ...(written?.notes ?? [])].join(". ")));
    write.done(written);
  } catch (error) {
    if (error instanceof ApiError && error.isConflict) await conflict(box, write, error);
    else box.replaceChildren(problem(error));
  }
}

/** @param {unknown} error */
export function problem(error) {
  const lines = error instanceof ApiError ? error.lines : [error instanceof Error ? error.message : String(error)];
  return h("div", { role: "alert", class: "problem" }, ...lines.map((line) => h("p", {}, line)));
}

/** @param {HTMLElement} box @param {Write} asked @param {ApiError} error */
async function conflict(box, asked, error) {
  let now;
  try {
    now = await asked.look();
  } catch (unread) {
    box.replaceChildren(problem(error), problem(unread));
    return;
  }
  // A LUN in use is refused in the same way, and no other digest helps.
  if (now.digest === asked.digest) {
    box.replaceChildren(problem(error));
    return;
  }
  const current = () => ({ ...asked, ...asked.again?.() });
  const { merge } = asked;
  box.replaceChildren(h("section", { class: "conflict", "aria-label": "Conflict" },
    problem(error),
    h("p", {}, "Somebody else wrote meanwhile. Nothing of yours was written, and nothing of it is lost", asked.said ? h("span", {}, ": ", h("code", {}, asked.said)) : null, "."),
    sideBySide(asked.mine, now.text, asked.mineTitle, "as it stands now"),
    h("p", { class: "buttons" },
      merge ? h("button", { type: "button", class: "main", onclick: () => merge(now) }, "take theirs into mine") : null,
      h("button", { type: "button", onclick: () => write(box, { ...current(), digest: now.digest }) }, asked.over),
      h("button", { type: "button", onclick: () => { box.replaceChildren(); asked.done(null); } }, "drop mine, leave what stands"))));
}

/** @param {string} left @param {string} right @param {string} leftTitle @param {string} rightTitle */
export function sideBySide(left, right, leftTitle, rightTitle) {
  return h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Both texts" }, h("table", { class: "sides" },
    h("thead", {}, h("tr", {}, h("th", { scope: "col" }, leftTitle), h("th", { scope: "col" }, rightTitle))),
    h("tbody", {}, ...pairs(left, right).map(({ left, right }) =>
      h("tr", { "data-differs": left !== right ? "yes" : "no" },
        h("td", {}, left === null ? h("span", { class: "unseen" }, "no line") : `${left !== right ? "− " : "  "}${left}`),
        h("td", {}, right === null ? h("span", { class: "unseen" }, "no line") : `${left !== right ? "+ " : "  "}${right}`))))));
}
