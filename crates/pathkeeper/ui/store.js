// What this page knows, and how it hears of it. It never says more than it knows: without a connection everything is past.
//
// One event stream for the tab that is looked at: docs/design-notes.md says why none is shared.

import { ApiError, get } from "./api.js";
import { begun, eventsAddress } from "./early.js";
import { now } from "./format.js";
import { applied, begun as first, continued, toCome } from "./model/status.js";

/**
 * @typedef {import("./model/status.js").ClusterStatus} ClusterStatus
 * @typedef {import("./model/status.js").NodeRow} NodeRow
 * @typedef {import("./api-types.js").Delta} Delta
 * @typedef {import("./api-types.js").Part} Part
 */

/** How often the agent is asked whether it lives: a dead connection can be silent for ever. With the patience: 5 s. */
const PROBE_MS = 2_000;
const PROBE_TIMEOUT_MS = 2_500;
/** Until a stream that the browser gave up is opened again. */
const REOPEN_MS = 2_000;
/** The nodes' ages are asked for anew after a change: not more often, and not more seldom. */
const NODES_MS = 1_000;
const NODES_IDLE_MS = 10_000;
/** A hidden tab keeps its stream for so long. */
const HIDDEN_MS = 300_000;
/** Rows behind the first ones are shown when all are there, or so often. */
const PARTS_MS = 500;
/** A further part comes within this. */
const PART_MS = 10_000;

export class Store extends EventTarget {
  /** The newest status that was heard: a whole one, and before there was one the beginning of the first. @type {ClusterStatus | null} */
  live = null;
  /** The status of which rows are still to come. @type {ClusterStatus | null} */
  #coming = null;
  /** When rows of it came last, and when what is there of it was shown last; epoch milliseconds. */
  #cameAt = 0;
  #shownAt = 0;
  /** @type {Map<string, NodeRow>} */
  liveNodes = new Map();
  /** When the nodes were asked for, epoch seconds. */
  nodesAt = 0;
  /** @type {"connecting" | "live" | "lost"} */
  connection = "connecting";
  /** Epoch seconds. @type {number | null} */
  lostSince = null;
  /** When the agent last gave a sign of life, epoch seconds. */
  heardAt = 0;
  why = "";
  /** What is shown in place of what is heard, while somebody reads. @type {{status: ClusterStatus, nodes: Map<string, NodeRow>, at: number} | null} */
  paused = null;
  /** Changes that were heard while paused. */
  waiting = 0;
  /** Which rows the stream brings, and which the view that is shown needs: as in the stream's address, all if empty. */
  #rows = "";
  #wanted = "";
  /** The order in which all rows are asked for. */
  #order = "";
  /** The stream's last id, run and revision, and the one of its snapshot. */
  id = "";
  began = "";
  /** The status of another time. @type {{at: number, status: ClusterStatus | null, error: string} | null} */
  past = null;

  /** @type {EventSource | null} */
  #stream = null;
  /** Other tabs. @type {BroadcastChannel | null} */
  #tabs = null;
  #drawing = false;
  #asking = false;
  #askAgain = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #hidden;

  /** What views show: of another time, held, or now. @returns {ClusterStatus | null} */
  get status() {
    if (this.past) return this.past.status;
    return this.paused ? this.paused.status : this.live;
  }

  /** Needs other rows from now on; what is heard until they come has none of them. Another order asks for nothing anew.
   * @param {string} rows @param {string} order */
  want(rows, order) {
    this.#wanted = rows;
    this.#order = order;
    // A stream of all has each one; every stream has what stands beside the rows.
    if (!this.#stream || rows === this.#rows || rows === "rows=none" || (this.#rows === "" && rows.startsWith("wwid="))) return;
    this.live = null;
    this.paused = null;
    if (this.connection === "live") this.connection = "connecting";
    this.#open();
    this.#changed();
  }

  /** @returns {Map<string, NodeRow>} */
  get nodes() {
    const then = this.past?.status?.["as-of"]?.nodes;
    if (this.past) return new Map((then ?? []).map((node) => [node.node, node]));
    return this.paused ? this.paused.nodes : this.liveNodes;
  }

  /** The moment that views count ages from, epoch seconds. */
  get nowS() {
    return this.past ? this.past.at : this.paused ? this.paused.at : now();
  }

  start() {
    this.#open();
    // At the same time, so that what is drawn first is drawn once.
    this.#askNodes();
    setInterval(() => this.#probe(), PROBE_MS);
    setInterval(() => this.connection === "live" && this.#askNodes(), NODES_IDLE_MS);
    document.addEventListener("visibilitychange", () => this.#visibility());
    this.#tabs = new BroadcastChannel("pathkeeper");
    this.#tabs.onmessage = () => document.hidden && this.#giveBack("another tab is looked at");
    this.#visibility();
  }

  /** Opens the stream anew, as after a login. */
  restart() {
    this.#open();
  }

  /** @param {boolean} on */
  pause(on) {
    this.paused = on && this.live ? { status: this.live, nodes: this.liveNodes, at: now() } : null;
    this.waiting = 0;
    this.#changed();
  }

  /** Shows the status of another time, or now again. @param {number | null} at epoch seconds */
  async asOf(at) {
    if (this.past?.at === at || (at === null && this.past === null)) return;
    this.past = at === null ? null : { at, status: null, error: "" };
    this.#changed();
    if (at === null) return;
    try {
      const status = await get("status", { at });
      if (this.past?.at === at) this.past = { at, status, error: "" };
    } catch (error) {
      if (this.past?.at === at) this.past = { at, status: null, error: error instanceof ApiError ? error.message : String(error) };
    }
    this.#changed();
  }

  #open() {
    this.#stream?.close();
    this.#rows = this.#wanted;
    this.#coming = null;
    const early = begun(this.#rows);
    const stream = early?.stream ?? new EventSource(eventsAddress(this.#rows, this.#order));
    this.#stream = stream;
    // What a stream that was given up still had on its way says nothing any more.
    const on = (/** @type {string} */ name, /** @type {(data: any, id: string) => boolean} */ take) => {
      const hear = (/** @type {MessageEvent} */ event) => this.#stream === stream && this.#heard(() => take(JSON.parse(event.data), event.lastEventId));
      stream.addEventListener(name, hear);
      return hear;
    };
    /** @type {Record<string, (event: MessageEvent) => void>} */
    const hears = {
      snapshot: on("snapshot", (data, id) => this.#come(first(data), id)),
      // Without a snapshot before them rows and changes say nothing; the next stream brings one.
      rows: on("rows", (data, id) => this.#coming !== null && this.#come(continued(this.#coming, data), id)),
      delta: on("delta", (data, id) => {
        if (!this.live) return false;
        this.live = applied(this.#coming ?? this.live, data);
        this.#count();
        this.id = id;
        if (data.map) this.dispatchEvent(new CustomEvent("map", { detail: data.map }));
        return true;
      }),
    };
    for (const event of early?.heard ?? []) hears[event.type]?.(event);
    // It ended before anybody listened for that.
    if (early && early.heard.length > 0 && stream.readyState !== EventSource.OPEN) this.#lose("the agent does not answer");
    stream.addEventListener("error", () => {
      if (this.#stream !== stream) return;
      this.#lose("the agent does not answer");
      if (stream.readyState !== EventSource.CLOSED) return;
      // It was refused: by a proxy, by an agent that starts, or because the session is over.
      this.dispatchEvent(new Event("refused"));
      setTimeout(() => this.#stream === stream && this.#open(), REOPEN_MS);
    });
  }

  /** Takes in what is there of a snapshot; says whether that is to be seen. A whole picture stands until the new one is whole, so that
   * no row goes and comes again. @param {ClusterStatus} status @param {string} id @returns {boolean} */
  #come(status, id) {
    if (toCome(status) > 0) {
      this.#coming = status;
      this.#cameAt = Date.now();
      const isFirst = this.live === null;
      if (!isFirst && toCome(this.live ?? status) === 0) return false;
      this.live = status;
      if (!isFirst && this.#cameAt - this.#shownAt < PARTS_MS) return false;
      this.#shownAt = this.#cameAt;
      return true;
    }
    // Who holds the page still has not seen all of it yet, and nothing has changed since.
    if (this.paused && toCome(this.paused.status) > 0) this.paused.status = status;
    else this.#count();
    this.#coming = null;
    this.live = status;
    this.id = this.began = id;
    this.dispatchEvent(new Event("snapshot"));
    return true;
  }

  #count() {
    if (this.paused) this.waiting += 1;
  }

  /** Takes an event in, and says so where it is to be seen. A stream that says what we cannot read is no knowledge.
   * @param {() => boolean} take */
  #heard(take) {
    this.heardAt = now();
    try {
      if (!take()) return;
    } catch (error) {
      // What follows on the same stream completes nothing.
      this.#coming = null;
      this.#lose(`the agent said something unreadable: ${error instanceof Error ? error.message : error}`);
      return;
    }
    const came = this.connection !== "live";
    this.connection = "live";
    this.lostSince = null;
    this.#changed();
    if (came) this.dispatchEvent(new Event("live"));
    this.#askNodes();
  }

  /** @param {string} why */
  #lose(why) {
    this.lostSince ??= now();
    this.why = why;
    this.connection = "lost";
    this.#changed();
  }

  /** The comments that keep a stream alive are not shown to scripts, so a silent end is looked for. */
  async #probe() {
    if (!this.#stream) return;
    try {
      const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PROBE_TIMEOUT_MS) });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      this.heardAt = now();
      // It lives, and the stream was given up: a new one brings a snapshot, if none is on its way.
      const comes = this.#coming !== null && Date.now() - this.#cameAt < PART_MS;
      if (this.lostSince !== null && !comes && this.#stream.readyState === EventSource.OPEN) this.#open();
    } catch {
      this.#lose("the agent does not answer");
    }
  }

  /** Asks for the nodes; what changes meanwhile is asked for after it, for the answer may be from before that. */
  async #askNodes() {
    if (this.#asking) {
      this.#askAgain = true;
      return;
    }
    this.#asking = true;
    this.#askAgain = false;
    try {
      /** @type {NodeRow[]} */
      const rows = await get("/api2/json/nodes");
      this.liveNodes = new Map(rows.map((node) => [node.node, node]));
      this.nodesAt = now();
    } catch {
      // Headings then say nothing about freshness; the cells still do.
      this.liveNodes = new Map();
    } finally {
      setTimeout(() => {
        this.#asking = false;
        if (this.#askAgain && this.connection === "live") this.#askNodes();
      }, NODES_MS);
    }
    this.#changed();
  }

  #visibility() {
    clearTimeout(this.#hidden);
    if (document.hidden) {
      this.#hidden = setTimeout(() => this.#giveBack("it was not looked at for five minutes"), HIDDEN_MS);
    } else {
      this.#tabs?.postMessage("looked at");
      if (!this.#stream) this.#open();
    }
  }

  /** @param {string} why */
  #giveBack(why) {
    if (!this.#stream) return;
    this.#stream.close();
    this.#stream = null;
    this.#lose(`this tab gave its connection back: ${why}`);
  }

  /** Tells views once for all that comes in one frame, so that a thousand changes a second are some sixty drawings. */
  #changed() {
    if (this.#drawing) return;
    this.#drawing = true;
    const tell = () => {
      this.#drawing = false;
      this.dispatchEvent(new Event("change"));
    };
    // A hidden tab has no frames, and its title must still be true.
    if (document.hidden) setTimeout(tell, 200);
    else requestAnimationFrame(tell);
  }
}
