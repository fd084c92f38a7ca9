/* The chosen candidate: its panel comes from the server, its number stands in the URL. */

export class Chosen {
  constructor(panel, page, { onChange }) {
    Object.assign(this, { panel, page, onChange, number: null, asked: null });
  }

  /** @param {number} number @param {{byUser?: boolean}} how only a user's own choice goes into the URL */
  async choose(number, { byUser = true } = {}) {
    if (byUser) this.#remember(number);
    if (number === this.number) return;
    this.number = number;
    this.onChange(number);
    this.asked?.abort();
    this.asked = new AbortController();
    this.panel.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(`${this.page}candidates/${number}/panel/`, { signal: this.asked.signal });
      if (!response.ok) throw new Error(`the panel answered ${response.status}`);
      this.#fill(await response.text());
    } catch (error) {
      if (error.name === "AbortError") return;
      this.number = null;
      this.#fail(number);
    }
    this.panel.removeAttribute("aria-busy");
  }

  /** What is shown may have changed on the server: trained by now, or on the front no more. */
  refresh() {
    const { number } = this;
    if (number === null) return;
    this.number = null;
    this.choose(number, { byUser: false });
  }

  #fill(html) {
    const focused = this.panel.contains(document.activeElement);
    this.panel.innerHTML = html;
    globalThis.htmx?.process(this.panel);
    if (focused) this.panel.querySelector("a, button")?.focus();
  }

  #fail(number) {
    this.panel.innerHTML = '<div class="empty"><h2></h2><p>The candidate could not be loaded. Click the point again.</p></div>';
    this.panel.querySelector("h2").textContent = `#${number}`;
  }

  #remember(number) {
    const query = new URLSearchParams(location.search);
    query.set("candidate", number);
    history.replaceState(history.state, "", `?${query}${location.hash}`);
  }
}
