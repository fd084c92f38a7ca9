/* The switch of the comparison that leaves only rows that differ. */
const box = document.querySelector("[data-differences]");
box?.addEventListener("change", () => document.querySelector(".comparison").classList.toggle("only-differences", box.checked));
