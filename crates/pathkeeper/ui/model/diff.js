// Two texts beside each other, line by line. No DOM here.

/** Longer texts are shown whole, without marks: the table of a comparison grows with the square. */
const LINES_MAX = 2_000;

/** @typedef {{left: string | null, right: string | null}} Pair a line of each, null where it has none */

/** @param {string} left @param {string} right @returns {Pair[]} */
export function pairs(left, right) {
  const a = left.split("\n");
  const b = right.split("\n");
  if (a.length > LINES_MAX || b.length > LINES_MAX) {
    return Array.from({ length: Math.max(a.length, b.length) }, (_, n) => ({ left: a[n] ?? null, right: b[n] ?? null }));
  }
  // The longest common part, from the ends.
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = a[i] === b[j]
        ? (common[(i + 1) * width + j + 1] ?? 0) + 1
        : Math.max(common[(i + 1) * width + j] ?? 0, common[i * width + j + 1] ?? 0);
    }
  }
  const all = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      all.push({ left: a[i++] ?? null, right: b[j++] ?? null });
    } else if (j >= b.length || (i < a.length && (common[(i + 1) * width + j] ?? 0) >= (common[i * width + j + 1] ?? 0))) {
      all.push({ left: a[i++] ?? null, right: null });
    } else {
      all.push({ left: null, right: b[j++] ?? null });
    }
  }
  return all;
}
