/* Sliders that move the chosen point. The server chooses, with the same function as the command line; here are only weights. */

const pause = 120;

export class Choosing {
  constructor(root, { onChoose }) {
    Object.assign(this, { root, onChoose, timer: null, asked: null });
    this.words = root.querySelector("[data-choice]");
    root.addEventListener("input", (event) => {
      event.target.nextElementSibling.textContent = Number(event.target.value).toFixed(2);
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#ask(this.#weights(), "By your weights"), pause);
    });
    root.querySelector("[data-knee]").addEventListener("click", () => this.#ask("", "The knee"));
  }

  /** Without a front there is nothing to choose from. */
  show({ run }) {
    const empty = run.front_size === 0;
    for (const control of this.root.querySelectorAll("input, button")) control.disabled = empty;
    if (empty) this.words.textContent = "possible once there is a front";
    else if (this.words.textContent === "possible once there is a front") this.words.textContent = "";
  }

  #weights() {
    return new URLSearchParams([...this.root.querySelectorAll("input")].map(({ name, value }) => [name, value]));
  }

  async #ask(weights, how) {
    this.asked?.abort();
    this.asked = new AbortController();
    try {
      const response = await fetch(`${this.root.dataset.url}?${weights}`, { signal: this.asked.signal });
      const answer = await response.json();
      this.words.textContent = answer.error ?? `${how}: #${answer.number}, ${answer.reasons.join(", ")}.`;
      if (response.ok) this.onChoose(answer.number);
    } catch (error) {
      if (error.name !== "AbortError") this.words.textContent = "The portal does not answer; try again in a moment.";
    }
  }
}
