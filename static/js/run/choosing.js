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
    root.querySelector("[data-knee]").addEventListener("click", () => this.knee());
  }

  /** Chooses the best trade between all objectives. */
  knee({ byUser = true } = {}) {
    return this.#ask("", byUser ? "The knee" : "The knee so far", byUser);
  }

  /** Without a front there is nothing to choose from. */
  show({ run }) {
    const empty = run.front_size === 0;
    for (const control of this.root.querySelectorAll("input, button")) control.disabled = empty;
    if (empty) this.words.textContent = "Possible when the first generation is complete.";
    else if (this.words.textContent === "Possible when the first generation is complete.") this.words.textContent = "";
  }

  #weights() {
    return new URLSearchParams([...this.root.querySelectorAll("input")].map(({ name, value }) => [name, value]));
  }

  async #ask(weights, how, byUser = true) {
    this.asked?.abort();
    this.asked = new AbortController();
    try {
      const response = await fetch(`${this.root.dataset.url}?${weights}`, { signal: this.asked.signal });
      const answer = await response.json();
      this.words.textContent = answer.error ?? `${how}: #${answer.number}, ${answer.reasons.join(", ")}.`;
      if (response.ok) this.onChoose(answer.number, { byUser });
    } catch (error) {
      if (error.name !== "AbortError") this.words.textContent = "The portal does not answer; try again in a moment.";
    }
  }
}
