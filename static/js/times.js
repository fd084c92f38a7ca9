/* Relative times ("3 min ago") with the absolute one on hover; the server prints the absolute time, so no script is needed to read it. */
const steps = [[60, "second"], [60, "minute"], [24, "hour"], [30, "day"], [12, "month"], [Infinity, "year"]];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

export function relative(date, now = Date.now()) {
  let amount = (date.getTime() - now) / 1000;
  if (Math.abs(amount) < 10) return "just now";
  for (const [size, unit] of steps) {
    if (Math.abs(amount) < size) return words.format(Math.round(amount), unit);
    amount /= size;
  }
  return "";
}

function refresh() {
  for (const element of document.querySelectorAll("time[data-relative]")) {
    const date = new Date(element.dateTime);
    element.title ||= date.toLocaleString();
    element.textContent = relative(date);
  }
}

export function startTimes() {
  refresh();
  setInterval(refresh, 15_000);
  document.addEventListener("htmx:afterSettle", refresh);
}
