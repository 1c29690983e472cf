// What stands on every page: the verdict, what must not be missed, the way to the other views.

import { h, time } from "../h.js";
import { clock, moment, now, plural } from "../format.js";
import { href } from "../model/route.js";
import { tally, verdict } from "../model/status.js";

/** Something is said aloud at most so often. */
const SAY_MS = 10_000;

/** @param {string} id */
const at = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/** @param {HTMLElement} place */
function said(place) {
  place.title = "the agent does not answer";
}

export class Shell {
  /** @type {import("../model/route.js").Route} */
  route = { view: "overview", name: "", query: new URLSearchParams() };
  #said = "";
  #saidAt = 0;
  #tools = "";

  /** @param {import("../store.js").Store} store @param {import("../session.js").Session} session */
  constructor(store, session) {
    this.store = store;
    this.session = session;
    store.addEventListener("change", () => {
      try {
        this.draw();
      } catch (error) {
        // The verdict that stands there is an old one.
        at("lost").hidden = false;
        at("lost").textContent = `THIS PAGE CANNOT SHOW what the agent told: ${error instanceof Error ? error.message : error}. What is shown may be old.`;
        document.body.dataset["connection"] = "lost";
      }
    });
    // The clock runs only while somebody answers.
    setInterval(() => store.status && store.connection === "live" && this.#verdict(), 1000);
  }

  draw() {
    document.body.dataset["connection"] = this.store.connection;
    document.body.dataset["view"] = this.route.view;
    document.body.dataset["time"] = this.store.past ? "past" : this.store.paused ? "paused" : "now";
    this.#lost();
    this.#nav();
    this.#banners();
    this.#verdict();
  }

  #lost() {
    const lost = at("lost");
    const { store } = this;
    lost.hidden = store.connection !== "lost" || (this.session.needed && !store.status);
    if (lost.hidden) return;
    const since = clock(store.lostSince ?? now());
    const text = (this.session.needed ? `LOGGED OUT since ${since}: the session is over. ` : `NO CONNECTION since ${since}: ${store.why}. `) +
      "What is shown was true then; nothing of it is known now.";
    if (lost.textContent !== text) lost.textContent = text;
    document.title = `? ${this.session.needed ? "logged out" : "no connection"} - Pathkeeper`;
  }

  #verdict() {
    const health = at("health");
    const status = this.store.status;
    if (!status) {
      health.textContent = this.session.needed ? "log in to see anything" : this.store.past ? "no picture of that time" : "connecting";
      health.dataset["health"] = "UNKNOWN";
      at("seen").textContent = "";
      at("counts").textContent = "";
      at("mode").textContent = "";
      return;
    }
    const { view } = status;
    const said = verdict(status, this.store.nodes.values());
    health.dataset["health"] = said.health;
    const since = said.since === null ? "" : ` since ${moment(said.since)}`;
    const words = `${view.cluster ? `${view.cluster} ` : ""}${said.health}${since}`;
    if (health.textContent !== words) health.textContent = words;
    const when = this.store.nowS;
    at("seen").replaceChildren(time(when, this.store.past ? "moment" : "clock"), ` ${said.seen}`);
    // Old data never looks live, in the list of tabs neither.
    const old = this.store.past ? `as of ${moment(when)}: ` : this.store.paused ? "paused: " : "";
    if (this.store.connection !== "lost") document.title = `${old}${words} - Pathkeeper`;
    at("counts").textContent = tally(status);
    const mode = view.mode === "observe" ? "observe (nothing is written)" : view.mode;
    at("mode").textContent =
      `multipathd ${view["multipathd-running"]}/${view["nodes-known"]} running, mode: ${mode}, store: ${view.store}`;
    this.#say(`${words}. ${tally(status)}`);
  }

  /** One sentence for those who hear the page, and never more than one in ten seconds. @param {string} words */
  #say(words) {
    const settled = this.store.connection === "live" && !this.store.past && !this.store.paused;
    if (!settled || words === this.#said || Date.now() - this.#saidAt < SAY_MS) return;
    this.#said = words;
    this.#saidAt = Date.now();
    at("said").textContent = words;
  }

  #nav() {
    const then = this.store.past ? { at: String(this.store.past.at) } : {};
    const manages = this.store.live?.view.mode === "manage" || this.route.view === "config" ||
      [...this.store.liveNodes.values()].some((node) => node.mode === "manage");
    /** @type {[import("../model/route.js").Route["view"], string][]} */
    const views = [["overview", "Overview"], ["matrix", "Matrix"], ["map", "Map"]];
    // Where everything observes there is nothing to configure.
    if (manages) views.push(["config", "Configuration"]);
    const here = this.route.view;
    const key = JSON.stringify([views, here, then]);
    const nav = at("nav");
    if (nav.dataset["key"] !== key) {
      nav.dataset["key"] = key;
      nav.replaceChildren(
        ...views.map(([view, words]) => h("a", { href: href(view, "", then), "aria-current": here === view && "page" }, words)),
      );
    }
    this.#drawTools();
  }

  #drawTools() {
    const { store, session } = this;
    const asOf = ["overview", "matrix", "lun"].includes(this.route.view);
    const key = JSON.stringify([Boolean(store.paused), store.past?.at, asOf, session.who, session.needed]);
    if (key === this.#tools) return;
    this.#tools = key;
    const pause = h("button", {
      type: "button", id: "pause", "aria-pressed": String(Boolean(store.paused)),
      title: "Hold the page still while you read", onclick: () => store.pause(!store.paused),
    }, store.paused ? "go on" : "pause");
    at("tools").replaceChildren(
      ...(asOf ? [this.#asOf(store.past?.at ?? null)] : []),
      ...(store.past ? [] : [pause]),
      this.#login(),
    );
  }

  /** The form comes with the first press, or where another time is shown. @param {number | null} at */
  #asOf(at) {
    const place = h("span", { class: "as-of" }, h("button", { type: "button", title: "Show the status of another time", onclick: () => bring(true) }, "as of…"));
    const bring = async (/** @type {boolean} */ focus) => {
      const { asOfForm } = await import("./as-of.js").catch(() => ({ asOfForm: null }));
      if (!asOfForm) return said(place);
      if (!place.isConnected) return;
      place.replaceChildren(asOfForm(this.route, at));
      if (focus) place.querySelector("input")?.focus();
    };
    if (at !== null) bring(false);
    return place;
  }

  /** Who is logged in, and the way in: the dialog comes with the first press, or where nothing is shown without. */
  #login() {
    const { session } = this;
    const place = h("span", { class: "who" }, h("button", { type: "button", id: "login", onclick: () => bring(true) }, "log in"));
    const bring = async (/** @type {boolean} */ press) => {
      const { login } = await import("./login.js").catch(() => ({ login: null }));
      if (!login) return said(place);
      if (!place.isConnected) return;
      const whole = login(session);
      place.replaceWith(whole);
      if (press) whole.querySelector("button")?.click();
    };
    if (session.who?.csrf || session.needed) bring(false);
    return place;
  }

  #banners() {
    const { store } = this;
    const banners = [];
    const partial = store.status?.view;
    if (partial?.partial && !this.session.needed) {
      banners.push(h("p", { class: "banner partial", role: "alert" },
        "THIS VIEW IS PARTIAL", partial.since == null ? "" : " since ", partial.since == null ? "" : time(partial.since),
        `: ${partial.why ?? "the answering node cannot see the whole cluster"}. What it cannot see is unknown, not well.`));
    }
    if (store.past) {
      const back = new URLSearchParams(this.route.query);
      back.delete("at");
      const unseen = store.past.status?.["as-of"]?.unobserved;
      banners.push(h("p", { class: "banner past" },
        "AS IT WAS at ", time(store.past.at), store.past.error ? `: ${store.past.error}` : ", not now. ",
        unseen ? `At that time nobody looked: ${unseen.why}. ` : "",
        h("a", { href: href(this.route.view, this.route.name, back) }, "back to now")));
    }
    if (store.paused) {
      banners.push(h("p", { class: "banner past" },
        "PAUSED at ", time(store.paused.at, "clock"), `: ${plural(store.waiting, "change")} since. What is shown is not updated.`));
    }
    const key = banners.map((banner) => banner.textContent).join("\n");
    const box = at("banners");
    if (box.dataset["key"] === key) return;
    box.dataset["key"] = key;
    box.replaceChildren(...banners);
  }
}
