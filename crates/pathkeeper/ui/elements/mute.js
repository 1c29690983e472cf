// Muting a finding: why, and until when. It stays shown, and what gets worse is not muted. This comes when somebody asks for it.

import { ApiError, send } from "../api.js";
import { h } from "../h.js";
import { moment, now } from "../format.js";

const HOUR_S = 3600;
/** Choices of an end; null: when it has cleared. @type {[string, number | null][]} */
const ENDS = [["until it clears", null], ["1 hour", HOUR_S], ["8 hours", 8 * HOUR_S], ["1 day", 24 * HOUR_S], ["1 week", 168 * HOUR_S]];

/** The form, in the place of the button that opened it. @param {HTMLElement} box @param {HTMLElement} open
 * @param {import("../model/status.js").Finding} finding */
export function muteForm(box, open, finding) {
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
