// The modules of the two views that are looked at first are named in the page's head and in early.js, so that a browser asks for them at
// once and not one after the other; what those views do not need comes later.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const ui = new URL("../../../crates/pathkeeper/ui/", import.meta.url);

const head = readFileSync(new URL("index.html", ui), "utf8");
const inHead = [...head.matchAll(/modulepreload" href="\/ui\/([^"]+)"/g)].map(([, name]) => name);
const ofMatrix = [...(/MATRIX = \[([^\]]*)\]/.exec(readFileSync(new URL("early.js", ui), "utf8"))?.[1] ?? "").matchAll(/"\.\/([^"]+)"/g)].map(([, name]) => name);

test("what app.js, the overview and the matrix import is asked for at once, and nothing else", () => {
  const needed = new Set();
  const walk = (url) => {
    if (needed.has(url.href)) return;
    needed.add(url.href);
    for (const [, name] of readFileSync(url, "utf8").matchAll(/^(?:import|export) (?:[^"]*? from )?"(\.[^"]+)";/gm)) walk(new URL(name, url));
  };
  const is = (/** @type {string[]} */ names) => assert.deepEqual(names.map((name) => new URL(name, ui).href).sort(), [...needed].sort());
  // Both are scripts of the page itself.
  for (const name of ["app.js", "early.js", "elements/overview.js"]) walk(new URL(name, ui));
  is([...inHead, "app.js", "early.js"]);
  walk(new URL("elements/matrix.js", ui));
  is([...inHead, ...ofMatrix, "app.js", "early.js"]);
});

test("what overview and matrix load together weighs less than 150 kB", () => {
  // The overview brings these by itself when what is wrong is on the screen.
  const after = ["elements/events.js", "elements/in-force.js", "model/events.js"];
  const names = ["index.html", ...ofMatrix, ...after, ...[...head.matchAll(/(?:src|href)="\/ui\/([^"]+)"/g)].map(([, name]) => name)];
  const weight = [...new Set(names)].reduce((sum, name) => sum + readFileSync(new URL(name, ui)).length, 0);
  assert.ok(weight < 150_000, `${weight} bytes`);
});
