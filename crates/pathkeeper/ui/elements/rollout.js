// What applying would do, and the staged apply: nothing begins before somebody has looked at the plan of these very texts.

import { get, send } from "../api.js";
import { h, keep, stateMark, time } from "../h.js";
import { compareNames } from "../model/status.js";
import { plural } from "../format.js";
import { problem } from "./write.js";

/** @type {Record<string, string>} */
const STATE_OF = { verified: "optimal", current: "optimal", applying: "degraded", waiting: "unknown", held: "degraded", failed: "failed", "rolled-back": "failed", "not-applicable": "unknown" };

/** What a plan was made of. @type {Record<string, string>} */
const BASES = { files: "its own files as they are now", published: "what it published" };

/** Nothing is left to do there. */
const DONE = new Set(["verified", "current", "not-applicable"]);

/** How many nodes are done, of how many. @param {import("../api-types.js").Rollout} rollout */
export function progress(rollout) {
  const nodes = Object.values(rollout.nodes);
  return /** @type {const} */ ([nodes.filter((node) => DONE.has(node.state ?? "")).length, nodes.length]);
}

export class Rollout extends HTMLElement {
  #plan = h("div");
  #start = h("div");
  #progress = h("div", { class: "wide", tabindex: "0", role: "group", "aria-label": "Progress" });
  #told = h("div", { role: "status" });
  /** @type {import("../api-types.js").Config | null} */
  #config = null;
  #may = false;
  #again = () => {};
  /** The documents that the plan on the page is about. */
  #planned = "";

  connectedCallback() {
    this.append(this.#progress, this.#told,
      h("p", { class: "buttons" }, h("button", { type: "button", onclick: () => this.#ask() }, "Show the plan")), this.#plan, this.#start);
  }

  /** @param {import("../api-types.js").Config} config @param {boolean} may @param {() => void} again */
  show(config, may, again) {
    this.#config = config;
    this.#may = may;
    this.#again = again;
    // A plan of other texts than those that stand is no plan.
    if (this.#planned && this.#planned !== this.#key()) {
      this.#planned = "";
      this.#plan.replaceChildren(h("p", { class: "doubtful" }, "The documents changed since this plan was made: look at it anew."));
      this.#start.replaceChildren();
    }
    this.#drawProgress(config);
  }

  #key() {
    return `${this.#config?.config.digest} ${this.#config?.overrides.digest}`;
  }

  /** @param {import("../api-types.js").Config} config */
  #drawProgress(config) {
    const rollout = config.rollout;
    const nodes = Object.entries(rollout?.nodes ?? {}).sort(([a], [b]) => compareNames(a, b));
    const [done] = rollout ? progress(rollout) : [0];
    const problem_ = config["rollout-problem"];
    if (!rollout) {
      keep(this.#progress, [{ key: "none", sig: problem_, make: () => h("p", { class: problem_ ? "doubtful" : "soft" }, problem_ ?? "Nothing was ever applied.") }]);
      return;
    }
    keep(this.#progress, [
      { key: "problem", sig: problem_, make: () => h("p", { class: "doubtful", hidden: !problem_ }, problem_) },
      { key: "head", sig: [rollout.generation, rollout.state, rollout.by, rollout.time, done, nodes.length], make: () => h("div", {},
        h("p", {}, h("strong", {}, `Generation ${rollout.generation}: ${rollout.state}`), ` by ${rollout.by} `, rollout.time == null ? null : time(rollout.time), `, ${done} of ${plural(nodes.length, "node")} done`),
        h("progress", { max: String(Math.max(nodes.length, 1)), value: String(done), "aria-label": "Nodes that are done" })) },
      { key: "nodes", sig: "", make: () => h("table", {}, h("thead", {}, h("tr", {}, ...["node", "state", "since", "why"].map((words) => h("th", { scope: "col" }, words)))), h("tbody")) },
      { key: "steer", sig: [rollout.generation, rollout.state, this.#may], make: () => h("p", { class: "buttons", hidden: !this.#may },
        rollout.state === "running" ? h("button", { type: "button", onclick: () => this.#steer("pause", rollout) }, "Pause") : null,
        rollout.state !== "aborted" ? h("button", { type: "button", onclick: () => this.#steer("resume", rollout) }, "Resume") : null,
        rollout.state !== "aborted" ? sure("Abort: what was before comes back", "abort it", () => this.#steer("abort", rollout)) : null) },
    ]);
    const body = this.#progress.querySelector("tbody");
    if (body) keep(body, nodes.map(([name, node]) => ({
      key: `${rollout.generation} ${name}`, sig: [node, this.#may],
      make: () => h("tr", {}, h("th", { scope: "row" }, name),
        h("td", {}, stateMark(STATE_OF[node.state ?? ""] ?? "unknown", node.state ?? "has said nothing")),
        h("td", {}, node.since == null ? "" : time(node.since)),
        h("td", {}, [node.why, node.drift ? `drift: ${node.drift}` : null, node.online === false ? "offline" : null].filter(Boolean).join("; "),
          node.state === "held" && this.#may ? h("span", {}, " ", sure(`apply on ${name} all the same`, "apply it", () => this.#steer("force", rollout, { nodes: [name] }))) : null)),
    })));
  }

  /** @param {"pause" | "resume" | "abort" | "force"} what @param {import("../api-types.js").Rollout} shown the one that was looked at
   * @param {Record<string, unknown>} [more] */
  async #steer(what, shown, more = {}) {
    try {
      const { digest, rollout } = await get("rollout");
      // Somebody was faster: what they made of it is not what was decided upon here.
      if (rollout?.generation !== shown.generation || (what !== "force" && rollout.state !== shown.state)) {
        this.#again();
        throw new Error(`nothing was done: the rollout is generation ${rollout?.generation ?? "none"}, ${rollout?.state ?? "gone"}, by ${rollout?.by ?? "nobody"} now; look at it and decide anew`);
      }
      const steered = await send("POST", `rollout/${what}`, { digest, ...more });
      this.#told.replaceChildren(h("p", { class: "soft" }, [`${what}: done`, ...(steered.notes ?? [])].join(". ")));
      this.#again();
    } catch (error) {
      this.#told.replaceChildren(problem(error));
    }
  }

  async #ask() {
    const key = this.#key();
    this.#plan.replaceChildren(h("p", { class: "soft" }, "thinking it through"));
    this.#start.replaceChildren();
    try {
      /** @type {import("../api-types.js").Planned} */
      const plan = await send("POST", "plan", {});
      const nodes = Object.entries(plan.nodes).sort(([a], [b]) => compareNames(a, b));
      this.#plan.replaceChildren(...nodes.map(([name, node]) => h("details", { open: (node.refusals?.length ?? 0) > 0 },
        h("summary", {}, name, h("span", { class: "soft" }, ` ${node["map-changes"] == null ? "what would change of its maps is not wholly known" : `${plural(node["map-changes"], "change")} of maps`}, by ${BASES[node.basis] ?? node.basis}`),
          node.refusals?.length ? h("span", { class: "problem" }, ` ${plural(node.refusals.length, "refusal")}`) : null),
        h("pre", {}, node.text))));
      this.#planned = key;
      this.#drawStart(plan);
    } catch (error) {
      this.#plan.replaceChildren(problem(error));
    }
  }

  /** @param {import("../api-types.js").Planned} plan */
  #drawStart(plan) {
    const pending = this.#config?.config.pending || this.#config?.overrides.pending;
    if (!this.#may || !pending) return;
    const removal = h("input", { type: "number", min: "0", name: "removal", value: "0" });
    const rename = h("input", { type: "checkbox", name: "rename" });
    const adopt = h("input", { type: "checkbox", name: "adopt" });
    this.#start.replaceChildren(h("form", { class: "inline", onsubmit: (/** @type {Event} */ event) => {
      event.preventDefault();
      this.#begin({
        digest: plan["config-digest"], ...(plan["overrides-digest"] ? { "overrides-digest": plan["overrides-digest"] } : {}),
        ...(Number(removal.value) > 0 ? { "allow-removal": Number(removal.value) } : {}),
        ...(rename.checked ? { "rename-in-use": true } : {}), ...(adopt.checked ? { adopt: "all" } : {}),
      });
    } },
      h("label", {}, "LUNs that may be taken out ", removal), h("label", {}, rename, " maps in use may get another name"),
      h("label", {}, adopt, " LUNs set up by hand are taken over"),
      h("button", { type: "submit", class: "main" }, "Apply this plan")));
  }

  /** @param {Record<string, unknown>} body */
  async #begin(body) {
    try {
      await send("POST", "rollout", body);
      this.#told.replaceChildren(h("p", { class: "soft" }, "It began: one node first and alone."));
      this.#plan.replaceChildren();
      this.#start.replaceChildren();
      this.#planned = "";
      this.#again();
    } catch (error) {
      this.#told.replaceChildren(problem(error));
    }
  }
}

/** A button for what is not easily undone: it asks once more. @param {string} words @param {string} yes @param {() => void} act */
function sure(words, yes, act) {
  const first = h("button", { type: "button", onclick: ask }, words);
  const box = h("span", { class: "inline" }, first);
  return box;
  function ask() {
    const back = () => {
      box.replaceChildren(first);
      first.focus();
    };
    const again = h("button", { type: "button", class: "main", onclick: () => { box.replaceChildren(first); act(); } }, `Yes, ${yes}`);
    box.replaceChildren(h("span", { "data-typing": true }, `${words}. Sure?`), again, h("button", { type: "button", onclick: back }, "No"));
    again.focus();
  }
}

customElements.define("pk-rollout", Rollout);
