// The cluster's configuration: what is written, what is in force, what applying would do, and how far it is.

import { get } from "../api.js";
import { h, keep } from "../h.js";
import { plural } from "../format.js";
import { AllowList } from "./allow-list.js";
import { bringStyles } from "./detail.js";
import { Knobs } from "./knobs.js";
import { Rollout, progress } from "./rollout.js";
import { merged } from "../model/diff.js";
import { write } from "./write.js";
import { Asked, View } from "./view.js";

const ASK_S = 5;
/** What was typed in the editor and neither written nor undone, while another view is looked at.
 * @type {{begun: import("../api-types.js").Document, text: string} | null} */
let typed = null;
/** What settings mean changes with the program alone. */
const SCHEMA_S = 600;

export class Config extends View {
  #head = h("div");
  #rollout = new Rollout();
  #list = new AllowList();
  #knobs = new Knobs();
  #editor = h("div");
  #text = h("textarea", { rows: "14", spellcheck: "false", "aria-label": "multipath-overrides.conf" });
  #written = h("div", { role: "status" });
  /** The document that the editor began with. @type {import("../api-types.js").Document | null} */
  #begun = null;
  /** @type {Asked<import("../api-types.js").Config>} */
  #config = new Asked(() => get("config"), () => this.#draw());
  /** @type {Asked<import("../api-types.js").Schema>} */
  #schema = new Asked(() => get("config/schema"), () => this.#draw());

  build() {
    bringStyles();
    this.append(
      h("h1", { tabindex: "-1" }, "Configuration"), this.#head,
      h("section", { "aria-label": "Rollout" }, h("h2", {}, "Plan and rollout"), this.#rollout),
      h("section", { "aria-label": "Allow-list" }, h("h2", {}, "LUNs"), this.#list),
      h("section", { "aria-label": "Settings" }, h("h2", {}, "Settings for all LUNs"), this.#knobs),
      h("section", { "aria-label": "Overrides" }, h("h2", {}, "multipath-overrides.conf"), this.#editor));
    this.#editor.append(this.#text, h("p", { class: "buttons" },
      h("button", { type: "button", onclick: () => this.#save() }, "Write"),
      h("button", { type: "button", onclick: () => this.#reset() }, "Undo my changes")), this.#written);
    if (!typed) return;
    this.#begun = typed.begun;
    this.#text.value = typed.text;
    this.#written.append(h("p", { class: "soft" }, "What you typed before is still here, and not written."));
  }

  draw() {
    if (!this.store.status || this.session.needed) return;
    this.#config.refresh(ASK_S);
    this.#schema.refresh(SCHEMA_S);
    this.#draw();
  }

  tick() {
    if (this.store.status && !this.session.needed) this.#config.refresh(ASK_S);
  }

  #draw() {
    const config = this.#config.data;
    const again = () => this.#config.refresh();
    keep(this.#head, [{
      key: "head", sig: [config?.config, config?.overrides, config?.rollout, config?.["not-known"], this.#config.error, this.session.mayChange],
      make: () => h("div", {},
        this.#config.error ? h("p", { class: "doubtful" }, this.#config.error) : null,
        ...(config ? [documentWords("multipath.cfg", config.config, config.rollout), documentWords("multipath-overrides.conf", config.overrides, config.rollout)] : []),
        config?.mode === "observe" ? h("p", { class: "soft" }, `${config.node} observes: what is written here is applied only on nodes where root ran `, h("code", {}, "pathkeeper manage enable")) : null,
        ...(config?.["not-known"] ?? []).map((text) => h("p", { class: "doubtful" }, text)),
        this.session.mayChange ? null : h("p", { class: "soft" }, "Log in with a token that may change things (Sys.Modify) to write.")),
    }]);
    this.toggleAttribute("data-may", this.session.mayChange);
    for (const element of this.#editor.querySelectorAll("button")) element.disabled = !this.session.mayChange;
    this.#text.readOnly = !this.session.mayChange;
    if (!config) return;
    this.#list.show(config, this.session.mayChange, again);
    this.#knobs.show(config, this.#schema.data, this.session.mayChange, again);
    this.#rollout.show(config, this.session.mayChange, again);
    // What somebody types is theirs until they say otherwise.
    if (this.#begun === null || (!this.#isTyped && this.#begun.digest !== config.overrides.digest)) this.#begin(config.overrides);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    typed = this.#begun && this.#isTyped ? { begun: this.#begun, text: this.#text.value } : null;
  }

  get #isTyped() {
    return this.#begun !== null && this.#text.value !== (this.#begun.text ?? "");
  }

  /** @param {import("../api-types.js").Document} document */
  #begin(document) {
    this.#begun = document;
    this.#text.value = document.text ?? "";
  }

  async #reset() {
    this.#written.replaceChildren();
    // What was asked for last may be older than what the editor began with.
    await this.#config.refresh();
    const document = this.#config.data?.overrides ?? this.#begun;
    if (document) this.#begin(document);
  }

  #save() {
    if (!this.#begun) return;
    let sent = "";
    const again = () => {
      sent = this.#text.value;
      return { body: { text: sent }, mine: sent };
    };
    write(this.#written, {
      method: "PUT", path: "overrides", ...again(), again, digest: this.#begun.digest, mineTitle: "yours", over: "write mine over it",
      look: async () => {
        const now = await get("overrides");
        return { digest: now.digest, text: now.text ?? "" };
      },
      merge: (now) => this.#merge(now),
      done: async (written) => {
        if (written === null) return this.#reset();
        await this.#config.refresh();
        const now = this.#config.data?.overrides;
        // Who went on typing meanwhile goes on from what was written.
        if (now?.digest === written.after) this.#text.value === sent ? this.#begin(now) : (this.#begun = now);
      },
    });
  }

  /** What others wrote meanwhile, in the editor beside what was typed; written when somebody has looked through it.
   * @param {import("./write.js").Standing} now */
  #merge(now) {
    const { text, clashes } = merged(this.#begun?.text ?? "", this.#text.value, now.text);
    this.#begun = { ...now, state: "good" };
    this.#text.value = text;
    this.#written.replaceChildren(h("p", {}, "Both are in the editor and not written yet: look through them and press Write.",
      clashes > 0 ? ` At ${plural(clashes, "place")} both changed the same lines; theirs stand as comments, # theirs.` : ""));
    this.#text.focus();
  }
}

/** @param {string} name @param {import("../api-types.js").Document} document @param {import("../api-types.js").Rollout | null} [rollout] */
function documentWords(name, document, rollout) {
  // What a rollout names is in force where it arrived, and nowhere else.
  const [done, all] = rollout ? progress(rollout) : [0, 0];
  const applied = done < all ? `being applied: ${done} of ${plural(all, "node")} done` : "in force";
  const state = { good: document.pending ? "written and not applied yet" : applied, absent: "absent: no instruction, what was applied stays",
    invalid: "broken: no instruction, what was applied stays", "torn-down": "torn down" }[document.state] ?? document.state;
  const bad = document.state === "invalid";
  return h("div", {}, h("p", { class: bad ? "problem" : "" }, h("strong", {}, name), ` ${state}`, " ", h("code", { class: "code" }, document.digest.slice(0, 12))),
    ...[...(document.problems ?? []), ...(document.remarks ?? [])].map((problem) => h("p", { class: "soft" }, problem.line > 0 ? `line ${problem.line}: ` : "", problem.what)),
    document.problems?.length ? h("p", {}, plural(document.problems.length, "problem")) : null);
}
