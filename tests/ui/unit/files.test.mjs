// The modules of the two views that are looked at first are named in the page's head, so that a browser asks for them at once and not
// one after the other; what those views do not need comes later.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const ui = new URL("../../../crates/pathkeeper/ui/", import.meta.url);

test("index.html preloads what app.js, the overview and the matrix import, and nothing else", () => {
  const needed = new Set();
  const walk = (url) => {
    if (needed.has(url.href)) return;
    needed.add(url.href);
    for (const [, name] of readFileSync(url, "utf8").matchAll(/^(?:import|export) (?:[^"]*? from )?"(\.[^"]+)";/gm)) walk(new URL(name, url));
  };
  for (const name of ["app.js", "elements/overview.js", "elements/matrix.js"]) walk(new URL(name, ui));
  const named = [...readFileSync(new URL("index.html", ui), "utf8").matchAll(/modulepreload" href="\/ui\/([^"]+)"/g)].map(([, name]) => new URL(name, ui).href);
  assert.deepEqual([...named, new URL("app.js", ui).href].sort(), [...needed].sort());
});

test("what overview and matrix load together weighs less than 150 kB", () => {
  const head = readFileSync(new URL("index.html", ui), "utf8");
  const names = ["index.html", "app.js", ...[...head.matchAll(/(?:src|href)="\/ui\/([^"]+)"/g)].map(([, name]) => name)];
  const weight = [...new Set(names)].reduce((sum, name) => sum + readFileSync(new URL(name, ui)).length, 0);
  assert.ok(weight < 150_000, `${weight} bytes`);
});
