// Text that is copied with one press.

import { h } from "../h.js";

/** Text with a button that copies it. @param {string} text */
export function command(text) {
  const code = h("code", {}, text);
  return h("div", { class: "command" }, code, copyButton(code));
}

/** A button that copies what stands in an element. @param {HTMLElement} code */
export function copyButton(code) {
  const text = code.textContent ?? "";
  const button = h("button", { class: "copy", type: "button", "data-focus": `copy ${text}`, "aria-label": `copy ${text}`, onclick: copy }, "copy");
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      // Without TLS a browser gives no clipboard: the text is selected, so that one key copies it.
      const range = document.createRange();
      range.selectNodeContents(code);
      getSelection()?.removeAllRanges();
      getSelection()?.addRange(range);
      button.textContent = "selected";
    }
    setTimeout(() => (button.textContent = "copy"), 2000);
  }
  return button;
}
