// The first page's modules are named in its head, so that a browser asks for them at once and not one after the other.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const ui = new URL("../../../crates/pathkeeper/ui/", import.meta.url);

test("index.html preloads what app.js imports, and nothing else", () => {
  const needed = new Set();
  const walk = (url) => {
    if (needed.has(url.href)) return;
    needed.add(url.href);
    for (const [, name] of readFileSync(url, "utf8").matchAll(/^(?:import|export) (?:[^"]*? from )?"(\.[^"]+)";/gm)) walk(new URL(name, url));
  };
  walk(new URL("app.js", ui));
  const named = [...readFileSync(new URL("index.html", ui), "utf8").matchAll(/modulepreload" href="\/ui\/([^"]+)"/g)].map(([, name]) => new URL(name, ui).href);
  assert.deepEqual([...named, new URL("app.js", ui).href].sort(), [...needed].sort());
});
