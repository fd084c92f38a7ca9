/* The curves over the search: hypervolume over evaluations or time beside the random control's, the regret to it, and the best so far. */
import { Plot } from "../plots/plot.js";
import { tokens } from "../plots/tokens.js";
import { counted, percent, threeDigits } from "../format.js";
import { Remote } from "./remote.js";

/** Markers while there is room between them. */
function marks(points) {
  return points.length <= 60 ? "lines+markers" : "lines";
}

/** Minutes since the start, or networks evaluated. */
function places(points, over, started) {
  return points.map(({ evaluated, at }) => (over === "time" ? (Date.parse(at) - Date.parse(started)) / 60_000 : evaluated));
}

const titles = { evaluations: "candidates evaluated", time: "minutes since the start" };

/** The last value at or before a place; the curve is a staircase. */
function heightAt(xs, ys, x) {
  let found = null;
  for (const [index, place] of xs.entries()) if (place <= x) found = ys[index];
  return found;
}

export class Curves {
  constructor(root, measures) {
    Object.assign(this, { root, measures, state: null, control: null });
    this.rows = root.querySelector("[data-generation-rows]");
    this.over = root.querySelector("[name=over]");
    this.best = root.querySelector("[name=best]");
    const plot = (id, draw) => new Plot(root.querySelector(`#${id} .plot`), () => (this.state ? draw() : undefined));
    this.plots = [plot("hypervolume", () => this.#hypervolume()), plot("accuracy", () => this.#bestSoFar()), plot("regret", () => this.#regret())];
    for (const select of [this.over, this.best]) select.addEventListener("change", () => this.#refresh());
    this.remote = new Remote(root.querySelector("#hypervolume"), root.dataset.plots.replace("NAME", "control"), (answer) => {
      this.control = answer.run ? answer : null;
      this.#sayControl();
      this.#refresh();
    });
  }

  show(state) {
    this.remote.show(`${state.run.status}/${state.generations.length >> 2}`);
    if (this.state?.generations === state.generations) return;
    this.state = state;
    this.#refresh();
    this.rows.replaceChildren(...state.generations.slice(-500).map(tableRow));
  }

  #refresh() {
    for (const plot of this.plots) plot.refresh();
  }

  #sayControl() {
    const words = this.root.querySelector("[data-control]");
    words.hidden = this.control === null;
    this.root.querySelector("#regret").hidden = this.control === null;
    if (this.control === null) return;
    const { id, name, status } = this.control.run;
    words.replaceChildren("beside ", Object.assign(document.createElement("a"), { href: `/runs/${id}/`, textContent: name }), ` (random search, ${status})`);
  }

  #known(points, started) {
    const known = points.filter(({ hypervolume, at }) => hypervolume != null && (this.over.value !== "time" || (at && started)));
    return { xs: places(known, this.over.value, started), ys: known.map(({ hypervolume }) => hypervolume), known };
  }

  #hypervolume() {
    const colours = tokens();
    const ours = this.#known(this.state.generations, this.state.run.started);
    if (ours.xs.length === 0) return null;
    const line = ({ xs, ys, known }, name, colour, dash) => ({
      type: "scatter", mode: marks(known), name, x: xs, y: ys,
      line: { color: colour, width: 2, shape: "hv", dash }, marker: { size: 6, symbol: dash === "solid" ? "circle" : "square" },
      hovertemplate: `%{x:.4~r} ${this.over.value === "time" ? "min" : "evaluated"}: %{y:.4f}<extra>${name}</extra>`,
    });
    const data = [line(ours, "this run", colours.series[0], "solid")];
    if (this.control) data.push(line(this.#known(this.control.generations, this.control.run.started), "random baseline", colours.series[1], "dot"));
    return { data, layout: { shapes: this.#rungs(ours, colours), showlegend: data.length > 1, xaxis: { title: { text: titles[this.over.value] }, rangemode: "tozero" }, yaxis: { title: { text: "hypervolume" }, rangemode: "nonnegative" }, margin: { t: 24, l: 60, r: 12, b: 42 } } };
  }

  /** Where the front began to be measured with more epochs the hypervolume may step down: a line says so. */
  #rungs({ xs, known }, colours) {
    const steps = known.map(({ fidelity }, index) => [fidelity, index]).filter(([fidelity, index]) => index > 0 && fidelity != null && fidelity !== known[index - 1].fidelity);
    return steps.map(([fidelity, index]) => ({
      type: "line", xref: "x", yref: "paper", x0: xs[index], x1: xs[index], y0: 0, y1: 1, line: { color: colours.muted, width: 1, dash: "dot" },
      label: { text: counted(fidelity, "epoch"), textposition: "end", font: { color: colours.muted, size: 11 } },
    }));
  }

  /** How much more of the space this run's front dominates than the control's at the same place. */
  #regret() {
    if (this.control === null) return null;
    const [ours, theirs] = [this.#known(this.state.generations, this.state.run.started), this.#known(this.control.generations, this.control.run.started)];
    const xs = ours.xs.filter((x) => heightAt(theirs.xs, theirs.ys, x) !== null);
    if (xs.length === 0) return null;
    const gain = xs.map((x) => heightAt(ours.xs, ours.ys, x) - heightAt(theirs.xs, theirs.ys, x));
    const colours = tokens();
    return {
      data: [{ type: "scatter", mode: marks(xs), name: "gain over the random baseline", x: xs, y: gain, line: { color: colours.series[2], width: 2, shape: "hv" }, fill: "tozeroy", fillcolor: "rgba(0,158,115,.12)", hovertemplate: "%{x:.4~r}: %{y:+.4f}<extra></extra>" }],
      layout: { showlegend: false, xaxis: { title: { text: titles[this.over.value] }, rangemode: "tozero" }, yaxis: { title: { text: "hypervolume, this run − baseline" }, zeroline: true }, margin: { t: 12, l: 64, r: 12, b: 42 } },
    };
  }

  #bestSoFar() {
    const name = this.best.value;
    const known = this.state.generations.filter(({ best }) => best?.[name] != null);
    if (known.length === 0) return null;
    const colours = tokens();
    const format = this.measures.named.get(name).unit === "%" ? ".1%" : ".3~s";
    const curve = (title, key, colour, symbol, dash) => ({
      type: "scatter", mode: marks(known), name: title,
      x: known.map(({ number }) => number + 1), y: known.map((generation) => generation[key]?.[name] ?? null),
      line: { color: colour, width: 2, dash }, marker: { size: 7, symbol }, hovertemplate: `generation %{x}, ${title}: %{y:${format}}<extra></extra>`,
    });
    return {
      data: [curve("best so far", "best", colours.series[0], "circle", "solid"), curve("mean of the generation", "mean", colours.series[1], "square", "dot")],
      layout: { xaxis: { title: { text: "generation" }, dtick: known.length <= 12 ? 1 : undefined, tickformat: "d" }, yaxis: { title: { text: this.measures.axisTitle(name) }, tickformat: format }, margin: { t: 28, l: 60, r: 12, b: 42 } },
    };
  }
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
