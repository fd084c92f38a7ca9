/* The table of candidates: pages and sorting come from the server by htmx; this keeps it fresh while results come in. */

const pause = 2_000;

export class CandidatesTable {
  constructor(box, panel) {
    Object.assign(this, { box, panel, seen: null, shown: -1, timer: null, url: box.dataset.url });
    // Where the reader is (page, order, filter) is kept when it is read again.
    box.addEventListener("htmx:configRequest", (event) => (this.url = event.detail.path));
    panel.addEventListener("panel:show", () => this.#due());
  }

  show({ run }) {
    this.seen = `${run.evaluations_done}/${run.front_size}/${run.generation}/${run.status}`;
    this.#due();
  }

  filter(shown) {
    this.url = `${this.box.dataset.url}?show=${shown}`;
    this.shown = -1;
    this.#due();
  }

  #due() {
    if (this.panel.hidden || this.seen === null || this.seen === this.shown || this.timer !== null) return;
    this.timer = setTimeout(() => this.#load(), this.shown === -1 ? 0 : pause);
  }

  async #load() {
    this.shown = this.seen;
    const focused = document.activeElement?.closest("[data-number]")?.dataset.number;
    await globalThis.htmx.ajax("GET", this.url, { target: this.box, swap: "innerHTML" });
    this.timer = null;
    if (focused) this.box.querySelector(`[data-number="${focused}"]`)?.focus();
    this.#due();
  }
}
