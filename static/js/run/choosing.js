/* Sliders, limits, knee and vote that move the chosen point. The server chooses, with the same functions as the command line; here are only
   the questions. */
const pause = 120;
const tooEarly = "Available after the first generation.";
const nothing = "Nothing to select: no candidate is on the front.";

export class Choosing {
  constructor(root, { onChoose }) {
    Object.assign(this, { root, onChoose, timer: null, asked: null, last: null });
    this.words = root.querySelector("[data-choice]");
    this.weights = [...root.querySelectorAll("input[type=range]")];
    this.limits = [...root.querySelectorAll("[data-limit]")];
    root.addEventListener("input", (event) => this.#typed(event.target));
    root.querySelector("[data-knee]").addEventListener("click", () => this.knee());
    root.querySelector("[data-vote]").addEventListener("click", () => this.#ask({ how: "vote" }, "Vote"));
    root.querySelector("[data-limits-clear]").addEventListener("click", () => {
      for (const field of this.limits) field.value = "";
      this.#again();
    });
  }

  /** Chooses the best trade between all objectives. */
  knee({ byUser = true } = {}) {
    return this.#ask({}, byUser ? "Knee" : "Knee so far", byUser);
  }

  /** The sliders show what the answers to the questions amount to. */
  showWeights(weights) {
    for (const slider of this.weights) {
      slider.value = weights[slider.name] ?? 0;
      slider.nextElementSibling.textContent = Number(slider.value).toFixed(2);
    }
    this.last = () => this.#ask(this.#query(), "Your weights");
  }

  /** Without a front there is nothing to choose from. */
  show({ run }) {
    const empty = run.front_size === 0;
    for (const control of this.root.querySelectorAll("input, button")) control.disabled = empty;
    if (empty) this.words.textContent = ["finished", "failed", "cancelled"].includes(run.status) ? nothing : tooEarly;
    else if ([tooEarly, nothing].includes(this.words.textContent)) this.words.textContent = "";
  }

  #typed(field) {
    if (field.type === "range") field.nextElementSibling.textContent = Number(field.value).toFixed(2);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => (field.type === "range" ? this.#ask(this.#query(), "Your weights") : this.#again()), pause);
  }

  /** After a change of the limits the last question is asked once more. */
  #again() {
    (this.last ?? (() => this.knee()))();
  }

  #query() {
    return Object.fromEntries(this.weights.map(({ name, value }) => [name, value]));
  }

  /** A limit is typed in the unit that is shown: per cent for shares. */
  #bounds() {
    const set = this.limits.filter(({ value }) => value.trim() !== "");
    const scale = ({ dataset, value }) => (dataset.scale ? String(Number((Number(value) * Number(dataset.scale)).toPrecision(12))) : value);
    return Object.fromEntries(set.map((field) => [`limit.${field.dataset.limit}`, scale(field)]));
  }

  async #ask(query, how, byUser = true) {
    if (byUser) this.last = () => this.#ask(query.how || Object.keys(query).length === 0 ? query : this.#query(), how);
    this.asked?.abort();
    this.asked = new AbortController();
    try {
      const response = await fetch(`${this.root.dataset.url}?${new URLSearchParams({ ...query, ...this.#bounds() })}`, { signal: this.asked.signal });
      const answer = await response.json();
      this.words.textContent = answer.error ?? `${how}: #${answer.number}, one of ${answer.of} on the front; ${answer.reasons.join(", ")}.`;
      if (response.ok) this.onChoose(answer.number, { byUser });
    } catch (error) {
      if (error.name !== "AbortError") this.words.textContent = "The portal does not answer. Try again in a moment.";
    }
  }
}
