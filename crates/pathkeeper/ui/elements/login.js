// Who is logged in, and the way in: a token, shown once.

import { ApiError } from "../api.js";
import { h } from "../h.js";

/** @param {import("../session.js").Session} session */
export function login(session) {
  if (session.who?.csrf) {
    const may = session.mayChange ? "" : " (may look)";
    return h("span", { class: "who" }, `${session.who.name}${may} `,
      h("button", { type: "button", onclick: () => session.close() }, "log out"));
  }
  const dialog = h("dialog", { class: "login", "aria-label": "Log in" });
  const problem = h("p", { class: "problem", role: "alert" });
  const token = h("input", { type: "password", name: "token", autocomplete: "off", spellcheck: "false", required: true });
  const submit = h("button", { type: "submit", class: "main" }, "Log in");
  dialog.append(
    h("form", { method: "dialog", onsubmit: enter },
      h("h2", {}, "Log in"),
      h("label", {}, "API token ", token),
      h("p", { class: "soft" }, "USER@REALM!NAME=SECRET. Root makes one on this node: ",
        h("code", {}, "pathkeeper token add NAME --privilege modify")),
      problem,
      h("p", { class: "buttons" }, submit, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"))),
  );
  /** @param {SubmitEvent} event */
  async function enter(event) {
    event.preventDefault();
    submit.disabled = true;
    problem.textContent = "";
    try {
      await session.open(token.value);
      dialog.close();
    } catch (error) {
      problem.textContent = error instanceof ApiError && error.status === 401
        ? "This token is not known here, or its time is over." : String(error instanceof Error ? error.message : error);
    } finally {
      submit.disabled = false;
      token.value = "";
    }
  }
  if (session.needed) queueMicrotask(() => dialog.isConnected && !dialog.open && dialog.showModal());
  return h("span", { class: "who" },
    h("button", { type: "button", id: "login", onclick: () => dialog.showModal() }, "log in"), dialog);
}
