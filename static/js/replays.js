/* The page of a replay: the mean best so far of each algorithm over what was spent. The figures are asked for again when more repeats are done. */
import { Plot } from "./plots/plot.js";
import { tokens } from "./plots/tokens.js";

const box = document.querySelector("[data-replay-figures]");
const axis = box.querySelector("[name=y]");
let known = null;

function curves() {
  if (known === null) return undefined;
  const found = Object.entries(known.algorithms).filter(([, { curve }]) => curve);
  if (found.length === 0) return null;
  const { series } = tokens();
  const dashes = ["solid", "dot", "dash", "dashdot", "longdash", "longdashdot"];
  const isRegret = axis.value === "regret";
  const data = found.map(([name, { curve }], index) => ({
    type: "scatter", mode: "lines", name, x: curve.map(([cost]) => cost), y: curve.map(([, value]) => (isRegret ? known.optimum - value : value)),
    line: { color: series[index % series.length], width: 2, dash: dashes[index % dashes.length] }, hovertemplate: "%{x:.4~r}: %{y:.3f}<extra>%{fullData.name}</extra>",
  }));
  const { question } = known;
  const spent = question.cost ? "cost spent" : "candidates evaluated";
  const reported = question.report || question.search_on;
  return { data, layout: { showlegend: true, uirevision: axis.value, xaxis: { title: { text: spent }, rangemode: "tozero" }, yaxis: { title: { text: isRegret ? `regret in ${reported}` : reported } }, margin: { l: 66, r: 12, t: 40, b: 46 } } };
}

const plot = new Plot(box.querySelector(".plot"), curves);

async function load() {
  const answer = await fetch(box.dataset.replayFigures, { headers: { Accept: "application/json" } });
  if (!answer.ok) return;
  known = await answer.json();
  plot.refresh();
}

axis.addEventListener("change", () => plot.refresh());
// htmx replaces the state while the job is at work; more repeats mean other curves.
let done = document.getElementById("replay").dataset.done;
document.addEventListener("htmx:afterSwap", () => {
  const now = document.getElementById("replay").dataset.done;
  if (now !== done) load();
  done = now;
});
load();
