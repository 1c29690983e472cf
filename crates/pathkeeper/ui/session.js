// Who looks at this page: nobody in particular on the loopback, else whoever showed a token. The cookie is no script's to read.

import { ApiError, get, send } from "./api.js";

export class Session extends EventTarget {
  /** @type {import("./api-types.js").Session | null} */
  who = null;
  /** Whether the server wants a token before it shows anything. */
  needed = false;

  get csrf() {
    return this.who?.csrf ?? null;
  }

  get isOpen() {
    return this.who !== null;
  }

  /** Whether this page may change something. */
  get mayChange() {
    return this.who?.privilege === "Sys.Modify";
  }

  /** Asks who we are. Where nobody answers, what was known stays. */
  async look() {
    const before = JSON.stringify([this.who, this.needed]);
    try {
      this.who = await get("/api2/json/session");
      this.needed = false;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 401) return;
      this.who = null;
      this.needed = true;
    }
    if (JSON.stringify([this.who, this.needed]) !== before) this.dispatchEvent(new Event("change"));
  }

  /** Somebody was refused: who are we? A session that is over leaves a place from which one may still look. */
  ask() {
    if (this.needed || this.who === null) return;
    this.who = null;
    this.dispatchEvent(new Event("change"));
    this.look();
  }

  /** Shows a token once. @param {string} token `USER@REALM!NAME=SECRET` */
  async open(token) {
    const answer = await fetch("/api2/json/session", {
      method: "POST",
      headers: { Authorization: `PVEAPIToken=${encodeURIComponent(token.trim())}` },
      cache: "no-store",
    }).catch(() => null);
    if (!answer) throw new ApiError(0, "the agent cannot be reached");
    const body = await answer.json().catch(() => null);
    if (!answer.ok) throw new ApiError(answer.status, body?.message ?? `status ${answer.status}`, body?.errors ?? {});
    this.who = body.data;
    this.needed = false;
    this.dispatchEvent(new Event("change"));
  }

  async close() {
    // Where it cannot be ended by us it ends by itself, and the next look says what holds.
    await send("DELETE", "/api2/json/session").catch(() => {});
    this.who = null;
    this.dispatchEvent(new Event("change"));
    await this.look();
  }
}
