/* Tabs after the ARIA pattern: arrow keys move, the chosen tab stands in the URL's hash, panels are told when they show. */

function choose(tabs, tab, { focus = false } = {}) {
  for (const other of tabs) {
    const chosen = other === tab;
    other.setAttribute("aria-selected", String(chosen));
    other.tabIndex = chosen ? 0 : -1;
    const panel = document.getElementById(other.getAttribute("aria-controls"));
    panel.hidden = !chosen;
    panel.dispatchEvent(new CustomEvent(chosen ? "panel:show" : "panel:hide", { bubbles: true }));
  }
  if (focus) tab.focus();
}

function start(list) {
  const tabs = [...list.querySelectorAll("[role=tab]")];
  const named = () => tabs.find((tab) => `#${tab.dataset.tab}` === location.hash);
  const pick = (tab, options) => {
    choose(tabs, tab, options);
    history.replaceState(history.state, "", `#${tab.dataset.tab}`);
  };
  list.addEventListener("click", (event) => {
    const tab = event.target.closest("[role=tab]");
    if (tab) pick(tab);
  });
  list.addEventListener("keydown", (event) => {
    const here = tabs.indexOf(event.target.closest("[role=tab]"));
    const to = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (here < 0 || to === undefined) return;
    event.preventDefault();
    pick(tabs[(to + tabs.length) % tabs.length], { focus: true });
  });
  window.addEventListener("hashchange", () => named() && choose(tabs, named()));
  choose(tabs, named() ?? tabs.find((tab) => tab.getAttribute("aria-selected") === "true") ?? tabs[0]);
}

export function startTabs() {
  for (const list of document.querySelectorAll("[role=tablist]")) start(list);
}
