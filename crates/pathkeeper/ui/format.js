// Words and numbers as people read them. No DOM here.

/** Epoch seconds now. */
export const now = () => Math.floor(Date.now() / 1000);

/** `03:12:07`. @param {number} epochS */
export function clock(epochS) {
  const then = new Date(epochS * 1000);
  return [then.getHours(), then.getMinutes(), then.getSeconds()].map((n) => String(n).padStart(2, "0")).join(":");
}

/** `03:12:07` today, else with its day. @param {number} epochS @param {number} [nowS] */
export function moment(epochS, nowS = now()) {
  const then = new Date(epochS * 1000);
  const today = new Date(nowS * 1000);
  if (then.toDateString() === today.toDateString()) return clock(epochS);
  const isOfThisYear = then.getFullYear() === today.getFullYear();
  const date = then.toLocaleDateString([], { ...(isOfThisYear ? { weekday: "short" } : { year: "numeric" }), day: "numeric", month: "short" });
  return `${date} ${clock(epochS).slice(0, 5)}`;
}

/** `2026-11-30 03:12:07 UTC`, for the title of every time. @param {number} epochS */
export const utc = (epochS) => `${new Date(epochS * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;

/** `1 LUN`, `2 LUNs`. @param {number} n @param {string} what */
export const plural = (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`;

/** `13m`, `1h32m`, `3d4h`. @param {number} seconds */
export function span(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s}s`;
  if (s < 3600) return `${Math.floor(s / 60)}m`;
  if (s < 86400) return `${Math.floor(s / 3600)}h${String(Math.floor((s % 3600) / 60)).padStart(2, "0")}m`;
  return `${Math.floor(s / 86400)}d${Math.floor((s % 86400) / 3600)}h`;
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** `500 GiB`, `4.0 TiB`; nothing where nobody told. @param {number | null | undefined} bytes */
export function size(bytes) {
  if (bytes === null || bytes === undefined) return "";
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 100 || Number.isInteger(value) ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** The end of a WWID tells LUNs of one array apart. @param {string} wwid */
export const shortWwid = (wwid) => (wwid.length > 20 ? `${wwid.slice(0, 4)}…${wwid.slice(-8)}` : wwid);

/** `a, b and 3 more`. @param {string[]} names @param {number} [most] */
export function list(names, most = 6) {
  if (names.length <= most) return names.join(", ");
  return `${names.slice(0, most).join(", ")} and ${names.length - most} more`;
}
