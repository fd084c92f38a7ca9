/* Keys of the whole portal: / search, n new run, j and k rows, Enter opens, c compares, ? help. */

function isTyping(target) {
  return target.closest("input:not([type=checkbox], [type=radio], [type=range]), textarea, select, [contenteditable]") !== null;
}

function rows() {
  return [...document.querySelectorAll("[data-rows] [data-row]")].filter((row) => row.offsetParent !== null);
}

/** Moves the row cursor by one; focus carries it, so screen readers and scrolling follow. */
function moveRow(step) {
  const all = rows();
  if (all.length === 0) return;
  const here = all.indexOf(document.activeElement?.closest("[data-row]"));
  const next = here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(all.length - 1, Math.max(0, here + step));
  for (const row of all) row.tabIndex = -1;
  all[next].tabIndex = 0;
  all[next].focus();
}

function openRow(row) {
  const link = row.querySelector("a.row-link, a[href]");
  if (link) link.click();
}

function follow(selector) {
  const target = document.querySelector(selector);
  if (target) target.click();
  return target !== null;
}

const commands = {
  "/": () => {
    const field = document.querySelector("[data-search]");
    field?.focus();
    field?.select();
  },
  "?": () => document.getElementById("keyboard-help")?.showModal(),
  n: () => follow("[data-key='n']"),
  c: () => follow("[data-key='c']"),
  j: () => moveRow(1),
  k: () => moveRow(-1),
  x: () => document.activeElement?.closest("[data-row]")?.querySelector("input[type=checkbox]")?.click(),
};

export function startKeyboard() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape" && event.target.matches?.("[data-search]")) return event.target.blur();
    if (isTyping(event.target) || document.querySelector("dialog[open]")) return;
    if (event.key === "Enter" && event.target.matches("[data-row]")) return openRow(event.target);
    const command = commands[event.key];
    if (!command) return;
    event.preventDefault();
    command();
  });
  for (const button of document.querySelectorAll("[data-opens-help]")) {
    button.addEventListener("click", commands["?"]);
  }
}
