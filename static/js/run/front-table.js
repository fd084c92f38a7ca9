/* The table twin of the Pareto plot: the same points for readers who do not see the plot. */
import { front } from "./state.js";

export class FrontTable {
  constructor(box, measures, { onChoose }) {
    Object.assign(this, { box, measures, state: null });
    this.rows = box.querySelector("[data-front-rows]");
    box.addEventListener("toggle", () => this.#fill());
    box.addEventListener("click", (event) => {
      const link = event.target.closest("[data-choose]");
      if (!link) return;
      event.preventDefault();
      onChoose(Number(link.dataset.choose));
    });
  }

  show(state) {
    if (this.state?.candidates === state.candidates) return;
    this.state = state;
    this.#fill();
  }

  #fill() {
    if (!this.box.open || !this.state) return;
    const focused = document.activeElement?.dataset.choose;
    this.rows.replaceChildren(...front(this.state).map((candidate) => this.#row(candidate)));
    if (focused) this.rows.querySelector(`[data-choose="${focused}"]`)?.focus();
  }

  #row(candidate) {
    const row = document.createElement("tr");
    const head = document.createElement("th");
    head.scope = "row";
    const link = document.createElement("a");
    link.href = `?candidate=${candidate.number}`;
    link.dataset.choose = candidate.number;
    link.textContent = `#${candidate.number}`;
    head.append(link);
    row.append(head);
    for (const { name } of this.measures.all) {
      const cell = document.createElement("td");
      cell.className = "number";
      cell.textContent = this.measures.text(candidate, name);
      row.append(cell);
    }
    return row;
  }
}
