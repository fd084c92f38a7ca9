/* The switch of the comparison that leaves only rows that differ; it stands in the URL, so a link shows what its sender saw. */
import { remember, remembered } from "./run/address.js";

const box = document.querySelector("[data-differences]");

function apply() {
  document.querySelector(".comparison").classList.toggle("only-differences", box.checked);
}

if (box) {
  box.checked = remembered("differences") === "1";
  apply();
  box.addEventListener("change", () => {
    remember({ differences: box.checked ? 1 : null });
    apply();
  });
}
