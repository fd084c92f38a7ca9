/* Numbers as the portal writes them: 3 significant digits and a unit. The same rules as searches/templatetags/figures.py. */

const prefixes = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "K"]];

export function threeDigits(value) {
  if (value === 0) return "0";
  const digits = Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value)))));
  return value.toFixed(digits);
}

/** "1 candidate", "2 candidates". */
export function counted(count, noun) {
  return `${count.toLocaleString("en")} ${noun}${count === 1 ? "" : "s"}`;
}

export function percent(value) {
  return value == null ? "–" : `${(value * 100).toFixed(1)} %`;
}

/** 247312 → "247 K"; the unit follows its prefix: 18.3e6 FLOPs → "18.3 MFLOPs". */
export function scaled(value, unit = "") {
  if (value == null) return "–";
  for (const [size, prefix] of prefixes) {
    if (Math.abs(value) >= size * 0.9995) return `${threeDigits(value / size)} ${prefix}${unit}`;
  }
  const text = Number.isInteger(value) ? String(value) : threeDigits(value);
  return unit ? `${text} ${unit}` : text;
}

export function duration(seconds) {
  if (seconds == null || !Number.isFinite(seconds)) return "–";
  if (seconds < 1) return "< 1 s";
  if (seconds < 60) return `${Math.round(seconds)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** The figure of an objective or meter by its unit, as the server's registry names it: "%", "ms", "B", "FLOPs", "mJ" or "". */
export function figure(value, unit) {
  if (value == null) return "–";
  if (unit === "%" || unit === "ratio") return percent(value);
  if (unit === "ms" || unit === "mJ") return `${threeDigits(value)} ${unit}`;
  return scaled(value, unit);
}

export function escapeHtml(text) {
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(text).replace(/[&<>"']/g, (character) => names[character]);
}
