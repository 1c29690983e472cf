// What is asked for beside the event stream: an answer from before a change is not the last word.

import assert from "node:assert/strict";
import { test } from "node:test";

// The module has elements beside it.
globalThis.HTMLElement ??= class {};
const { Asked } = await import("../../../crates/pathkeeper/ui/elements/view.js");

/** An `Asked` whose answers are given by hand. */
function lab() {
  const waiting = [];
  const seen = [];
  const asked = new Asked(() => new Promise((resolve, reject) => waiting.push({ resolve, reject })), () => seen.push(asked.data));
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { asked, seen, waiting, turn };
}

test("who changed something is not content with an answer that was on its way", async () => {
  const { asked, seen, waiting, turn } = lab();
  asked.refresh(5);
  await turn();
  // Two that wrote, and one that only looks.
  const [first, second] = [asked.refresh(), asked.refresh()];
  const look = asked.refresh(5);
  waiting[0].resolve("before");
  await turn();
  assert.equal(waiting.length, 2);
  waiting[1].resolve("after");
  await Promise.all([first, second, look]);
  assert.deepEqual([seen, asked.data, waiting.length], [["before", "after"], "after", 2]);
  // It is fresh, and is not asked for anew.
  await asked.refresh(5);
  assert.equal(waiting.length, 2);
});

test("what was known is not known once an answer fails, and it is asked for again", async () => {
  const { asked, waiting, turn } = lab();
  const first = asked.refresh();
  await turn();
  waiting[0].resolve(1);
  await first;
  const second = asked.refresh();
  await turn();
  waiting[1].reject(new Error("503"));
  await second;
  assert.deepEqual([asked.data, asked.error], [null, "503"]);
  const third = asked.refresh();
  await turn();
  waiting[2].resolve(3);
  await third;
  assert.deepEqual([asked.data, asked.error], [3, ""]);
});

test("what cannot even be asked is an error as well, and blocks nothing", async () => {
  const asked = new Asked(() => { throw new URIError("malformed"); }, () => {});
  await asked.refresh();
  await asked.refresh();
  assert.equal(asked.error, "malformed");
});
