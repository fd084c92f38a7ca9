/* The theme switch: system → light → dark, remembered in this browser. Plots listen to the "theme" event. */
const order = ["system", "light", "dark"];

function current() {
  return document.documentElement.dataset.theme ?? "system";
}

function remember(theme) {
  try {
    if (theme === "system") localStorage.removeItem("theme");
    else localStorage.setItem("theme", theme);
  } catch {
    // Without storage the choice lasts as long as the page.
  }
}

function announce() {
  document.dispatchEvent(new CustomEvent("theme"));
}

export function startThemeSwitch() {
  const button = document.querySelector("[data-theme-switch]");
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", announce);
  if (!button) return;
  const label = () => {
    const text = `Theme: ${current()}. Change`;
    button.setAttribute("aria-label", text);
    button.title = text;
    for (const icon of button.querySelectorAll("[data-for]")) icon.toggleAttribute("hidden", icon.dataset.for !== current());
  };
  button.addEventListener("click", () => {
    const next = order[(order.indexOf(current()) + 1) % order.length];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    remember(next);
    label();
    announce();
  });
  label();
}
