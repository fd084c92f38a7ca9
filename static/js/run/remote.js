/* A part of the page that is asked for when it is first seen, and again, not more often than every few seconds, when the run has moved. */

const pause = 4_000;
const retryPause = 10_000;

export class Remote {
  /**
   * @param {HTMLElement} box what must be in view
   * @param {string} url
   * @param {(answer: any) => void} onAnswer JSON parsed, or HTML as text
   * @param {{as?: "json"|"text"}} options
   */
  constructor(box, url, onAnswer, { as = "json" } = {}) {
    Object.assign(this, { box, url, onAnswer, as, visible: false, wanted: null, got: null, busy: false, askedAt: -Infinity });
    new IntersectionObserver((entries) => {
      this.visible = entries.at(-1).isIntersecting;
      this.#due();
    }, { rootMargin: "200px" }).observe(box);
  }

  /** @param {string} version of what is wanted: another one means that the last answer is old */
  show(version) {
    this.wanted = version;
    this.#due();
  }

  /** Another question: what is shown is replaced at once. */
  ask(url) {
    this.url = url;
    this.got = null;
    this.askedAt = -Infinity;
    this.#due();
  }

  #due() {
    if (!this.visible || this.busy || this.wanted === null || this.wanted === this.got) return;
    this.busy = true;
    setTimeout(() => this.#load(), Math.max(0, this.askedAt + pause - performance.now()));
  }

  async #load() {
    const { wanted, url } = this;
    this.askedAt = performance.now();
    try {
      const response = await fetch(url, { headers: { Accept: this.as === "json" ? "application/json" : "text/html" } });
      if (!response.ok) throw new Error(`${url} answered ${response.status}`);
      const answer = this.as === "json" ? await response.json() : await response.text();
      if (url === this.url) {
        this.got = wanted;
        this.onAnswer(answer);
      }
    } catch {
      // The connection's state says already that the portal does not answer.
      setTimeout(() => this.#due(), retryPause);
    }
    this.busy = false;
    if (url !== this.url) this.#due();
    else if (this.got !== null) this.#due();
  }
}
