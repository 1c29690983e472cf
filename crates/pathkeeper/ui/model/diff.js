// Two texts beside each other, line by line. No DOM here.

/** Longer texts are shown whole, without marks: the table of a comparison grows with the square. */
const LINES_MAX = 2_000;

/** @typedef {{left: string | null, right: string | null}} Pair a line of each, null where it has none */

/**
 * The lines of the longest common part, as places in both. @param {string[]} a @param {string[]} b
 * @returns {[number, number][] | null} null: they are too long to be compared
 */
function common(a, b) {
  if (a.length > LINES_MAX || b.length > LINES_MAX) return null;
  const width = b.length + 1;
  const longest = new Uint16Array((a.length + 1) * width);
  const at = (/** @type {number} */ i, /** @type {number} */ j) => longest[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      longest[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  /** @type {[number, number][]} */
  const found = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) found.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return found;
}

/** @param {string} left @param {string} right @returns {Pair[]} */
export function pairs(left, right) {
  const a = left.split("\n");
  const b = right.split("\n");
  const same = common(a, b);
  if (!same) return Array.from({ length: Math.max(a.length, b.length) }, (_, n) => ({ left: a[n] ?? null, right: b[n] ?? null }));
  /** @type {Pair[]} */
  const all = [];
  let [i, j] = [0, 0];
  for (const [toA, toB] of [...same, /** @type {const} */ ([a.length, b.length])]) {
    while (i < toA) all.push({ left: a[i++] ?? null, right: null });
    while (j < toB) all.push({ left: null, right: b[j++] ?? null });
    if (i < a.length && j < b.length) all.push({ left: a[i++] ?? null, right: b[j++] ?? null });
  }
  return all;
}

/**
 * What both made of a text, as one text. Where both changed the same lines mine stand, and theirs follow as comments: nothing of
 * either is lost, and what is written is still a configuration.
 * @param {string} base what both began with @param {string} mine @param {string} theirs
 * @returns {{text: string, clashes: number}} and at how many places both changed the same
 */
export function merged(base, mine, theirs) {
  const [of, my, their] = [base, mine, theirs].map((text) => text.split("\n"));
  if (!of || !my || !their) return { text: mine, clashes: 0 };
  const inTheirs = new Map(common(of, their) ?? []);
  // Lines that all three have; what lies between two of them was changed by one, or by both.
  const fixed = (common(of, my) ?? []).filter(([i]) => inTheirs.has(i));
  /** @type {string[]} */
  const all = [];
  let clashes = 0;
  let [i, m, t] = [0, 0, 0];
  for (const [toI, toM] of [...fixed, /** @type {const} */ ([of.length, my.length])]) {
    const toT = inTheirs.get(toI) ?? their.length;
    const [was, mineNow, theirsNow] = [of.slice(i, toI), my.slice(m, toM), their.slice(t, toT)];
    const is = (/** @type {string[]} */ a, /** @type {string[]} */ b) => a.join("\n") === b.join("\n") && a.length === b.length;
    if (is(mineNow, was)) all.push(...theirsNow);
    else if (is(theirsNow, was) || is(theirsNow, mineNow)) all.push(...mineNow);
    else {
      clashes += 1;
      all.push(...mineNow, ...(theirsNow.length > 0 ? theirsNow.map((line) => `# theirs: ${line}`) : ["# theirs: no line here"]));
    }
    if (toI < of.length) all.push(of[toI] ?? "");
    [i, m, t] = [toI + 1, toM + 1, toT + 1];
  }
  return { text: all.join("\n"), clashes };
}
