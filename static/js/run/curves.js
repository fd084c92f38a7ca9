/* The curves over the search: hypervolume over evaluations, best and mean accuracy of each generation; and their table. */
import { Plot } from "../plots/plot.js";
import { tokens } from "../plots/tokens.js";
import { percent, threeDigits } from "../format.js";

/** Markers while there is room between them. */
function marks(points) {
  return points.length <= 60 ? "lines+markers" : "lines";
}

function hypervolumePicture({ generations }) {
  const known = generations.filter(({ hypervolume }) => hypervolume != null);
  if (known.length === 0) return null;
  const colours = tokens();
  return {
    data: [{
      type: "scatter", mode: marks(known), name: "hypervolume",
      x: known.map(({ evaluated }) => evaluated), y: known.map(({ hypervolume }) => hypervolume),
      line: { color: colours.series[0], width: 2, shape: "hv" }, marker: { size: 6 },
      hovertemplate: "%{x} evaluated: %{y:.4f}<extra></extra>",
    }],
    layout: { showlegend: false, xaxis: { title: { text: "networks evaluated" }, rangemode: "tozero" }, yaxis: { title: { text: "hypervolume" } } },
  };
}

function accuracyPicture({ generations }) {
  const known = generations.filter(({ best }) => best?.accuracy != null);
  if (known.length === 0) return null;
  const colours = tokens();
  const curve = (name, key, colour, symbol, dash) => ({
    type: "scatter", mode: marks(known), name,
    x: known.map(({ number }) => number + 1), y: known.map((generation) => generation[key]?.accuracy ?? null),
    line: { color: colour, width: 2, dash }, marker: { size: 7, symbol }, hovertemplate: `generation %{x}, ${name}: %{y:.1%}<extra></extra>`,
  });
  return {
    data: [curve("best", "best", colours.series[0], "circle", "solid"), curve("mean", "mean", colours.series[1], "square", "dot")],
    layout: { xaxis: { title: { text: "generation" }, dtick: known.length <= 12 ? 1 : undefined, tickformat: "d" }, yaxis: { title: { text: "validation accuracy" }, tickformat: ".1%" }, margin: { t: 28, l: 56, r: 12, b: 42 } },
  };
}

function cell(row, text, tag = "td") {
  const element = document.createElement(tag);
  if (tag === "th") element.scope = "row";
  else element.className = "number";
  element.textContent = text;
  row.append(element);
}

function tableRow(generation) {
  const row = document.createElement("tr");
  cell(row, String(generation.number + 1), "th");
  cell(row, String(generation.evaluated));
  cell(row, generation.hypervolume == null ? "–" : threeDigits(generation.hypervolume));
  cell(row, percent(generation.best?.accuracy));
  cell(row, percent(generation.mean?.accuracy));
  cell(row, String(generation.front.length));
  return row;
}

export class Curves {
  constructor(root) {
    this.state = null;
    this.rows = root.querySelector("[data-generation-rows]");
    const picture = (draw) => () => (this.state ? draw(this.state) : null);
    this.plots = [
      new Plot(root.querySelector("#hypervolume .plot"), picture(hypervolumePicture)),
      new Plot(root.querySelector("#accuracy .plot"), picture(accuracyPicture)),
    ];
  }

  show(state) {
    if (this.state?.generations === state.generations) return;
    this.state = state;
    for (const plot of this.plots) plot.refresh();
    this.rows.replaceChildren(...state.generations.slice(-500).map(tableRow));
  }
}
