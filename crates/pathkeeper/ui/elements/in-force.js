// Mutes and windows in force, and the way to end them.

import { send } from "../api.js";
import { h } from "../h.js";
import { moment } from "../format.js";

/** Items for a list. @param {import("../api-types.js").Mutes | null} mutes
 * @param {import("../api-types.js").Windows | null} windows @param {import("../session.js").Session} session @param {() => void} changed */
export function inForce(mutes, windows, session, changed) {
  const items = [];
  for (const mute of mutes?.mutes ?? []) {
    if (mute.over) continue;
    const on = [mute.node, mute.wwid, mute.object].filter(Boolean).join(" ");
    const until = mute.until == null ? "until it clears" : `until ${moment(mute.until)}`;
    items.push({ key: `mute ${mute.id}`, words: `${mute.code} ${on}`, beneath: `${until}, by ${mute.by}: “${mute.reason}”`,
      count: mute.muting, remove: () => send("DELETE", `mutes/${encodeURIComponent(mute.id)}`), verb: "unmute" });
  }
  for (const window of windows?.windows ?? []) {
    if (window.state === "over") continue;
    items.push({ key: `window ${window.id}`, words: `${window.state} window: ${window.on} ${window.name}`,
      beneath: `until ${moment(window.until)}, by ${window.by}: “${window.reason}”`,
      count: window.muting, remove: () => send("POST", `windows/${encodeURIComponent(window.id)}/end`), verb: "end" });
  }
  return items.map(({ key, words, beneath, count, remove, verb }) => ({
    key, sig: [words, beneath, count, session.mayChange],
    make: () => {
      const problem = h("span", { class: "problem", role: "alert" });
      const end = async () => {
        try {
          await remove();
          changed();
        } catch (error) {
          problem.textContent = error instanceof Error ? error.message : String(error);
        }
      };
      return h("li", {}, h("strong", {}, words), ` (${count}) `, h("span", { class: "soft" }, beneath), " ",
        session.mayChange ? h("button", { type: "button", class: "plain", onclick: end }, verb) : null, problem);
    },
  }));
}
