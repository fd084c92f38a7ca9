/* What the algorithm says of itself with each generation: numbers are lines (reward, baseline, entropy, error), shares a stack (the credit
   of a portfolio's members). Whatever is there by name is drawn; without any the section is hidden. */
import { Plot } from "../plots/plot.js";
import { symbols, tokens } from "../plots/tokens.js";

const together = { baseline: "reward" }; // drawn in one plot with
const counted = new Set(["epoch"]); // a place, and no curve
const titles = { loss: "Loss of the supernet", accuracy: "Accuracy of the supernet", temperature: "Temperature of the gates", skip_share: "Share of skip connections", eigenvalue: "Largest eigenvalue of the alphas' Hessian", reward: "Reward and baseline of the controller", entropy: "Entropy of the controller", error: "Error of the predictor", credit: "Credit of the members", cost: "Compute cost of the members" };

function isNumber(value) {
  return typeof value === "number" && Number.isFinite(value);
}

/** Names of plots in the order in which the algorithm gives them. */
function plotsOf(generations) {
  const names = new Set();
  for (const { insight } of generations) for (const name of Object.keys(insight ?? {})) if (!counted.has(name)) names.add(together[name] ?? name);
  return [...names].filter((name) => generations.some(({ insight }) => isNumber(insight?.[name]) || Object.values(insight?.[name] ?? {}).some(isNumber)));
}

export class Insight {
  constructor(root) {
    Object.assign(this, { root, state: null, plots: new Map() });
  }

  show(state) {
    if (this.state?.generations === state.generations) return;
    this.state = state;
    const names = plotsOf(state.generations);
    this.root.hidden = names.length === 0;
    for (const name of names) if (!this.plots.has(name)) this.plots.set(name, this.#plot(name));
    for (const plot of this.plots.values()) plot.refresh();
  }

  #plot(name) {
    const section = document.createElement("section");
    section.className = "span-6";
    const title = titles[name] ?? name.replaceAll("_", " ").replace(/^./, (letter) => letter.toUpperCase());
    section.innerHTML = '<div class="section-head"><h2></h2></div><div class="plot"><div class="skeleton"></div></div>';
    section.querySelector("h2").textContent = title;
    this.root.append(section);
    return new Plot(section.querySelector(".plot"), () => this.#picture(name));
  }

  #picture(name) {
    const known = this.state.generations.filter(({ insight }) => insight?.[name] != null);
    if (known.length === 0) return null;
    const data = isNumber(known[0].insight[name]) ? this.#lines(name, known) : this.#stack(name, known);
    const shares = name === "credit";
    return { data, layout: { showlegend: data.length > 1, xaxis: { title: { text: "generation" }, tickformat: "d" }, yaxis: { title: { text: name }, tickformat: shares ? ".0%" : "", ...(shares ? { range: [0, 1] } : {}) }, margin: { t: 28, l: 56, r: 12, b: 42 } } };
  }

  #lines(name, known) {
    const colours = tokens();
    const series = [name, ...Object.keys(together).filter((other) => together[other] === name)];
    return series.filter((each) => known.some(({ insight }) => isNumber(insight[each]))).map((each, index) => ({
      type: "scatter", mode: known.length > 60 ? "lines" : "lines+markers", name: each, x: known.map(({ number }) => number + 1), y: known.map(({ insight }) => insight[each] ?? null),
      line: { color: colours.series[index], width: 2, dash: index ? "dot" : "solid" }, marker: { size: 6, symbol: symbols[index] }, hovertemplate: `generation %{x}: ${each} %{y:.3~r}<extra></extra>`,
    }));
  }

  #stack(name, known) {
    const colours = tokens();
    const members = [...new Set(known.flatMap(({ insight }) => Object.keys(insight[name])))];
    return members.map((member, index) => ({
      type: "scatter", mode: "lines", stackgroup: "members", name: member, x: known.map(({ number }) => number + 1), y: known.map(({ insight }) => insight[name][member] ?? 0),
      line: { color: colours.series[index % 7], width: 1 }, hovertemplate: `generation %{x}: ${member} %{y:.3~r}<extra></extra>`,
    }));
  }
}
