/* Pairwise questions: "which of these two would you rather have?", until the answers say what matters. */

export class Questions {
  constructor(dialog, opener, { onChoose, onWeights }) {
    Object.assign(this, { dialog, onChoose, onWeights, answers: [], known: null });
    opener.addEventListener("click", () => {
      this.answers = [];
      dialog.showModal();
      this.#ask();
    });
    dialog.querySelector("[data-back]").addEventListener("click", () => {
      this.answers.pop();
      this.#ask();
    });
    dialog.querySelector("[data-take]").addEventListener("click", () => this.#take());
  }

  async #ask() {
    const query = new URLSearchParams(this.answers.map(([one, other]) => ["a", `${one}>${other}`]));
    const words = this.dialog.querySelector("[data-words]");
    try {
      const response = await fetch(`${this.dialog.dataset.url}?${query}`);
      this.known = await response.json();
    } catch {
      this.known = { error: "The portal does not answer. Try again in a moment." };
    }
    this.dialog.querySelector("[data-back]").disabled = this.answers.length === 0;
    this.dialog.querySelector("[data-take]").hidden = this.answers.length === 0 || Boolean(this.known.error);
    words.textContent = this.known.error ?? this.#summary();
    this.#showPair(this.known.question ?? []);
  }

  #summary() {
    const { question, number, weights, contradicted } = this.known;
    if (this.answers.length === 0) return "About six questions to learn your preferences.";
    const listed = Object.entries(weights).map(([name, weight]) => `${name} ${weight.toFixed(2)}`).join(", ");
    const doubt = contradicted ? ` ${contradicted} of your answers contradict the others.` : "";
    return `${question.length ? "So far" : "Your answers"} lead to #${number} (${listed}).${doubt}`;
  }

  #showPair(pair) {
    const box = this.dialog.querySelector("[data-pair]");
    box.replaceChildren(...pair.map((side, index) => this.#card(side, pair[1 - index])));
    if (pair.length === 0 && !this.known.error) this.dialog.querySelector("[data-take]").focus();
    else box.querySelector("button")?.focus();
  }

  #card({ number, figures }, other) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "choice-card";
    button.append(Object.assign(document.createElement("strong"), { textContent: `#${number}` }));
    for (const [title, text] of figures) {
      const line = document.createElement("span");
      line.append(Object.assign(document.createElement("span"), { className: "muted", textContent: title }), Object.assign(document.createElement("b"), { textContent: text }));
      button.append(line);
    }
    button.addEventListener("click", () => {
      this.answers.push([number, other.number]);
      this.#ask();
    });
    return button;
  }

  #take() {
    this.dialog.close();
    this.onWeights(this.known.weights);
    this.onChoose(this.known.number, { byUser: true });
  }
}
