// Muting a finding: why, and until when. It stays shown, and what gets worse is not muted.

import { ApiError, send } from "../api.js";
import { h } from "../h.js";
import { moment, now } from "../format.js";

const HOUR_S = 3600;
/** Choices of an end; null: when it has cleared. @type {[string, number | null][]} */
const ENDS = [["until it clears", null], ["1 hour", HOUR_S], ["8 hours", 8 * HOUR_S], ["1 day", 24 * HOUR_S], ["1 week", 168 * HOUR_S]];

/** @param {import("../model/status.js").Finding} finding @param {import("../session.js").Session} session */
export function muteForm(finding, session) {
  const box = h("span", { class: "mute" });
  const open = h("button", { type: "button", class: "plain", onclick: () => show() }, "mute…");
  box.append(open);
  function show() {
    if (!session.mayChange) {
      document.getElementById("login")?.click();
      return;
    }
    const reason = h("input", { name: "reason", required: true, maxlength: "200", placeholder: "SFP ordered, ticket 4711" });
    const end = h("select", { name: "until" }, ...ENDS.map(([words], n) => h("option", { value: String(n) }, words)));
    const problem = h("p", { class: "problem", role: "alert" });
    const form = h("form", { class: "inline", "data-typing": true, onsubmit: give },
      h("label", {}, "why ", reason), h("label", {}, "how long ", end),
      h("button", { type: "submit", class: "main" }, "Mute"),
      h("button", { type: "button", onclick: () => { box.replaceChildren(open); open.focus(); } }, "Cancel"), problem);
    box.replaceChildren(form);
    reason.focus();
    /** @param {SubmitEvent} event */
    async function give(event) {
      event.preventDefault();
      const seconds = ENDS[Number(end.value)]?.[1] ?? null;
      const { node, wwid, object, path } = finding.scope;
      const body = {
        code: finding.code, node, wwid, object: object ?? path, severity: finding.severity, reason: reason.value,
        ...(seconds === null ? {} : { until: now() + seconds }),
      };
      try {
        await send("POST", "mutes", Object.fromEntries(Object.entries(body).filter(([, value]) => value != null)));
        box.replaceChildren(h("span", { class: "soft" }, seconds === null ? "muted until it clears" : `muted until ${moment(now() + seconds)}`));
      } catch (error) {
        problem.textContent = error instanceof ApiError ? error.lines.join("; ") : String(error);
      }
    }
  }
  return box;
}

/** Mutes and windows in force, with the way to end them. @param {import("../api-types.js").Mutes | null} mutes
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
