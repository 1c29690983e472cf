// What all views share: they draw when the store has news, and end with their element.

import { h } from "../h.js";

/**
 * @typedef {import("../store.js").Store} Store
 * @typedef {import("../session.js").Session} Session
 * @typedef {import("../model/route.js").Route} Route
 */

export class View extends HTMLElement {
  /** @type {Store} */
  store = /** @type {any} */ (null);
  /** @type {Session} */
  session = /** @type {any} */ (null);
  /** @type {Route} */
  route = { view: "overview", name: "", query: new URLSearchParams() };
  #gone = new AbortController();
  /** @type {HTMLElement | null} */
  #broken = null;

  /** Ends with the element: for listeners elsewhere and requests. */
  get signal() {
    return this.#gone.signal;
  }

  connectedCallback() {
    this.#gone = new AbortController();
    this.build();
    this.redraw();
    this.store.addEventListener("change", () => this.redraw(), { signal: this.signal });
    // Ages grow although nobody says anything.
    const tick = setInterval(() => this.tick(), 1000);
    this.signal.addEventListener("abort", () => clearInterval(tick));
  }

  disconnectedCallback() {
    this.#gone.abort();
  }

  /** Shows another part of itself. @param {Route} route */
  lead(route) {
    this.route = route;
    this.redraw();
  }

  /** Draws. What cannot be drawn is said: an old picture must not look like a new one. */
  redraw() {
    try {
      this.draw();
      this.#broken?.remove();
      this.#broken = null;
    } catch (error) {
      this.#broken ??= h("p", { class: "problem", role: "alert" });
      this.#broken.textContent = `THIS VIEW CANNOT SHOW what the agent told: ${error instanceof Error ? error.message : error}. What stands below may be old.`;
      if (this.firstChild !== this.#broken) this.prepend(this.#broken);
    }
  }

  /** Does what nobody waits for after what they wait for is on the screen. @param {() => void} work */
  later(work) {
    const soon = () => setTimeout(() => this.signal.aborted || work());
    // A hidden tab has no frames.
    if (document.hidden) soon();
    else requestAnimationFrame(soon);
  }

  /** Once, when it comes. */
  build() {}
  /** Whenever something is new. */
  draw() {}
  /** Every second. */
  tick() {}
}

/**
 * Something that is asked for now and then beside the event stream: the last answer, or why there is none.
 * @template T
 */
export class Asked {
  /** @type {T | null} */
  data = null;
  error = "";
  /** Epoch milliseconds of the last answer. */
  at = 0;
  /** The request that runs. @type {Promise<void> | null} */
  #running = null;

  /** @param {() => Promise<T>} ask @param {() => void} changed */
  constructor(ask, changed) {
    this.ask = ask;
    this.changed = changed;
  }

  /**
   * Asks anew if the last answer is older than so many seconds. Without them whoever calls has changed something: an answer
   * that is on its way may be from before that, so it is asked once more.
   * @param {number} [olderThanS]
   */
  async refresh(olderThanS) {
    if (this.#running) {
      const before = this.#running;
      await before;
      // Of several that waited one asks.
      if (olderThanS !== undefined || this.#running !== null) return this.#running ?? undefined;
    } else if (olderThanS !== undefined && this.at > 0 && Date.now() - this.at < olderThanS * 1000) return;
    this.#running = this.#now();
    await this.#running;
  }

  async #now() {
    try {
      // Also what it throws at once, as for a name that no address can have, is an error of its answer.
      this.data = await Promise.resolve().then(() => this.ask());
      this.error = "";
    } catch (error) {
      // What was known before is not known now.
      this.data = null;
      this.error = error instanceof Error ? error.message : String(error);
    }
    this.#running = null;
    this.at = Date.now();
    this.changed();
  }
}
