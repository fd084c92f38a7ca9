/* What the lasso caught: how many, and the first six of them on their way into the comparison. */
const most = 6;

export class Selected {
  constructor(root) {
    Object.assign(this, { root, numbers: [] });
    this.words = root.querySelector("[data-selected-words]");
    root.querySelector("[data-selected-compare]").addEventListener("click", () =>
      document.dispatchEvent(new CustomEvent("compare:add", { detail: this.numbers.slice(0, most) })));
  }

  /** @param {number[]} numbers the front's first */
  take(numbers) {
    this.numbers = numbers;
    this.root.hidden = numbers.length === 0;
    const named = numbers.slice(0, most).map((number) => `#${number}`).join(", ");
    this.words.textContent = `${numbers.length} selected: ${named}${numbers.length > most ? " …" : ""}`;
    this.root.querySelector("[data-selected-compare]").textContent = numbers.length > most ? `Compare the first ${most}` : "Compare selected";
    this.root.querySelector("[data-selected-compare]").disabled = numbers.length < 1;
  }
}
