/* Runs before the first paint (a classic script in <head>), so that a remembered theme never flashes the other one. */
(() => {
  try {
    const theme = localStorage.getItem("theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage may be forbidden; then the system's preference stands.
  }
})();
