/* The slider over generations: the front as it was then. At its right end the plot is live. */
import { remember, remembered } from "./address.js";

const stepPause = 700;

export class Replay {
  constructor(root, { onChange }) {
    Object.assign(this, { root, onChange, generations: [], generation: null, timer: null });
    this.slider = root.querySelector("input");
    this.words = root.querySelector("output");
    this.button = root.querySelector("[data-play]");
    this.wanted = Number(remembered("generation")) || null;
    this.slider.addEventListener("input", () => {
      this.#stop();
      this.#goTo(Number(this.slider.value));
    });
    this.button.addEventListener("click", () => (this.timer === null ? this.#play() : this.#stop()));
  }

  show({ generations }) {
    if (generations === this.generations) return;
    const isLive = this.generation === null;
    this.generations = generations;
    this.root.hidden = generations.length < 2;
    this.slider.max = generations.length;
    if (this.wanted !== null && this.wanted < generations.length) this.#goTo(this.wanted, { byUser: false });
    else if (isLive) this.slider.value = generations.length;
    this.wanted = null;
    this.#write();
  }

  /** The numbers of the front at the chosen generation; null while the plot is live. */
  get front() {
    return this.generation === null ? null : new Set(this.#row().front);
  }

  get evaluated() {
    return this.generation === null ? null : this.#row().evaluated;
  }

  #row() {
    return this.generations.find(({ number }) => number === this.generation);
  }

  #goTo(place, { byUser = true } = {}) {
    const isLive = place >= this.generations.length;
    this.generation = isLive ? null : this.generations[place - 1].number;
    this.slider.value = place;
    if (byUser) remember({ generation: isLive ? null : place });
    this.#write();
    this.onChange();
  }

  #write() {
    const row = this.generation === null ? this.generations.at(-1) : this.#row();
    if (!row) return;
    const volume = row.hypervolume == null ? "" : `, hypervolume ${row.hypervolume.toFixed(3)}`;
    const state = `generation ${row.number + 1} of ${this.generations.at(-1).number + 1}, ${row.front.length} on the front${volume}`;
    this.words.textContent = this.generation === null ? `now: ${state}` : state;
    this.slider.setAttribute("aria-valuetext", this.words.textContent);
  }

  #play() {
    const from = Number(this.slider.value) >= this.generations.length ? 1 : Number(this.slider.value);
    this.button.setAttribute("aria-pressed", "true");
    this.#goTo(from);
    this.timer = setInterval(() => {
      const next = Number(this.slider.value) + 1;
      this.#goTo(next);
      if (next >= this.generations.length) this.#stop();
    }, stepPause);
  }

  #stop() {
    clearInterval(this.timer);
    this.timer = null;
    this.button.setAttribute("aria-pressed", "false");
  }
}
