/* What the search proposed: for each kind of decision the share of each choice, generation by generation. */
import { counted } from "../format.js";
import { Plot } from "../plots/plot.js";
import { tokens } from "../plots/tokens.js";
import { remember, remembered } from "./address.js";
import { Remote } from "./remote.js";

export class SpaceUse {
  constructor(root, url) {
    Object.assign(this, { root, answer: null });
    this.kind = root.querySelector("[name=kind]");
    this.words = root.querySelector("[data-count]");
    this.kind.addEventListener("change", () => {
      remember({ kind: this.kind.value });
      this.plot.refresh();
    });
    this.plot = new Plot(root.querySelector(".plot"), () => this.#picture());
    this.remote = new Remote(root, url, (answer) => this.#take(answer));
  }

  show({ run }) {
    this.remote.show(`${run.generation}/${run.status}`);
  }

  #take(answer) {
    this.answer = answer;
    const kinds = answer.kinds.map(({ kind }) => kind);
    const wanted = this.kind.value || remembered("kind");
    this.kind.replaceChildren(...kinds.map((kind) => new Option(kind, kind, false, kind === wanted)));
    if (!kinds.includes(wanted) && kinds.includes("operation")) this.kind.value = "operation";
    this.kind.hidden = kinds.length === 0;
    this.words.textContent = answer.shown < answer.total ? `${answer.shown.toLocaleString("en")} of ${counted(answer.total, "candidate")}` : counted(answer.total, "candidate");
    this.plot.refresh();
  }

  #picture() {
    if (!this.answer) return undefined;
    const shown = this.answer.kinds.find(({ kind }) => kind === this.kind.value);
    if (!shown) return null;
    const colours = tokens();
    return {
      data: [{
        type: "heatmap", x: this.answer.columns, y: shown.choices, z: shown.shares, colorscale: [[0, colours.sunken], [1, colours.accent]], xgap: 1, ygap: 1, zmin: 0,
        hovertemplate: `generation %{x}: %{y} in %{z:.1%} of its decisions<extra></extra>`, colorbar: { tickformat: ".0%", thickness: 10, outlinewidth: 0, tickfont: { color: colours.muted, size: 11 } },
      }],
      layout: { xaxis: { title: { text: "generation" }, type: "category", nticks: 20 }, yaxis: { title: { text: shown.kind }, type: "category", autorange: "reversed" }, margin: { l: 90, r: 8, t: 8, b: 42 } },
    };
  }
}
