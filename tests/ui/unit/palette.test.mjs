// Colours can be read, and are never the only sign: each state has a shape of its own.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const css = readFileSync(new URL("../../../crates/pathkeeper/ui/style.css", import.meta.url), "utf8");
const variables = (text) => Object.fromEntries([...text.matchAll(/--([\w-]+): (#[0-9a-f]{3,6})/g)].map(([, name, value]) => [name, value]));
const [light = "", dark = ""] = [...css.matchAll(/:root \{([^}]*)\}/g)].map(([, block]) => block);
const palettes = { light: variables(light), dark: { ...variables(light), ...variables(dark) } };
const STATES = ["optimal", "degraded", "missing", "failed", "unknown"];

const channels = (hex) => (hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit) : hex.slice(1).match(/../g)).map((byte) => Number.parseInt(byte, 16) / 255);
const linear = (hex) => channels(hex).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
const luminance = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
const contrast = (a, b) => {
  const [dim, bright] = [luminance(linear(a)), luminance(linear(b))].sort((x, y) => x - y);
  return (bright + 0.05) / (dim + 0.05);
};

test("text of each state can be read on its paper and on the page's", () => {
  for (const [name, of] of Object.entries(palettes)) {
    const check = (ink, paper, least) => {
      const got = contrast(of[ink], of[paper]);
      assert.ok(got >= least, `${name}: ${ink} on ${paper} has ${got.toFixed(2)}`);
    };
    for (const state of STATES) {
      check(state, "paper", 4.5);
      check(state, "raised", 4.5);
      if (of[`${state}-paper`]) check(state, `${state}-paper`, 4.5);
    }
    for (const ink of ["ink", "soft", "accent"]) check(ink, "paper", 4.5);
    check("soft", "raised", 4.5);
    check("on-accent", "accent", 4.5);
    check("on-loud", "loud", 7);
  }
});

// Viénot, Brettel and Mollon 1999, in linear RGB.
const DEFICIENCIES = {
  protanopia: [[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]],
  deuteranopia: [[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]],
};
const seen = (hex, matrix) => {
  const rgb = linear(hex);
  return matrix.map((row) => Math.max(0, row.reduce((sum, part, n) => sum + part * rgb[n], 0)));
};
/** CIE Lab, D65. */
const lab = ([r, g, b]) => {
  const f = (t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  const [x, y, z] = [(0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505, luminance([r, g, b]), (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089].map(f);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
};
const distance = (a, b, matrix) => Math.hypot(...lab(seen(a, matrix)).map((part, n) => part - lab(seen(b, matrix))[n]));

test("a cell that is well and one that is not differ for eyes that see no red or no green", () => {
  for (const [name, of] of Object.entries(palettes)) {
    for (const [eyes, matrix] of Object.entries(DEFICIENCIES)) {
      for (const bad of ["degraded", "missing", "failed"]) {
        // The paper tells them apart where the ink does not.
        const apart = Math.max(distance(of.optimal, of[bad], matrix), distance(of.paper, of[`${bad}-paper`], matrix));
        assert.ok(apart >= 10, `${name}, ${eyes}: ${bad} is ${apart.toFixed(1)} from optimal`);
      }
    }
  }
});

test("each state has a shape of its own", () => {
  const shapes = STATES.map((state) => new RegExp(`\\[data-state="${state}"\\][^{]*::before[^{]*\\{ content: "([^"]+)"`).exec(css)?.[1]);
  assert.equal(new Set(shapes).size, STATES.length, String(shapes));
  assert.ok(shapes.every(Boolean));
});

test("blocks of the map that are well and that are not differ for every eye, and from nothing", () => {
  const map = readFileSync(new URL("../../../crates/pathkeeper/ui/map.css", import.meta.url), "utf8");
  const mixed = (of, state) => {
    const [, plain, share] = /^(?:color-mix\(in srgb, )?var\(--(\w+)\)(?: (\d+)%, var\(--paper\)\))?$/.exec(new RegExp(`--map-${state}: ([^;]+);`).exec(map)[1]);
    const part = share ? Number(share) / 100 : 1;
    const [ink, paper] = [channels(of[plain]), channels(of.paper)];
    return `#${ink.map((c, n) => Math.round(255 * (c * part + paper[n] * (1 - part))).toString(16).padStart(2, "0")).join("")}`;
  };
  const eyes = { ...DEFICIENCIES, whole: [[1, 0, 0], [0, 1, 0], [0, 0, 1]] };
  for (const [name, of] of Object.entries(palettes)) {
    for (const [which, matrix] of Object.entries(eyes)) {
      for (const other of ["degraded", "missing", "failed", "unknown"]) {
        const apart = distance(mixed(of, "optimal"), mixed(of, other), matrix);
        assert.ok(apart >= 20, `${name}, ${which}: ${other} is ${apart.toFixed(1)} from optimal`);
      }
      const apart = distance(mixed(of, "optimal"), of.paper, matrix);
      assert.ok(apart >= 10, `${name}, ${which}: optimal is ${apart.toFixed(1)} from nothing`);
    }
  }
});
