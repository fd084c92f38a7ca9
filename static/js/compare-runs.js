/* The page of several runs: their fronts in one plot, and their hypervolume over evaluations. */
import { Plot } from "./plots/plot.js";
import { symbols, tokens } from "./plots/tokens.js";
import { figure } from "./format.js";

const runs = JSON.parse(document.getElementById("runs-plot")?.textContent ?? "[]");
const measures = new Map(JSON.parse(document.getElementById("runs-measures")?.textContent ?? "[]").map((measure) => [measure.name, measure]));
const [x, y] = ["x", "y"].map((name) => document.querySelector(`#fronts [name=${name}]`));

function axis(name) {
  const { title, unit } = measures.get(name);
  const words = `${runs.some(({ modelled }) => modelled.includes(name)) ? "≈ " : ""}${title}`;
  return { title: { text: unit && unit !== "%" ? `${words} (${unit})` : words }, tickformat: unit === "%" ? ".1%" : unit === "ms" || unit === "mJ" ? "" : "~s" };
}

function fronts() {
  if (!x.value || runs.every(({ points }) => points.length === 0)) return null;
  const colours = tokens();
  const data = runs.filter(({ points }) => points.length > 0).map(({ id, name, points, modelled }, index) => {
    const ordered = [...points].sort((one, other) => one.values[x.value] - other.values[x.value]);
    return {
      type: "scatter", mode: measures.size === 2 ? "lines+markers" : "markers", name, x: ordered.map(({ values }) => values[x.value]), y: ordered.map(({ values }) => values[y.value]),
      customdata: ordered.map(({ number }) => [id, number]), line: { color: colours.series[index], width: 1, shape: "hv" }, marker: { color: colours.series[index], symbol: symbols[index], size: 9 },
      hovertext: ordered.map(({ number, values }) => `#${number}<br>${[...measures.values()].map((each) => `${each.title} ${modelled.includes(each.name) ? "≈ " : ""}${figure(values[each.name], each.unit)}`).join("<br>")}`), hovertemplate: "%{hovertext}<extra>%{fullData.name}</extra>",
    };
  });
  return { data, layout: { showlegend: true, dragmode: "pan", uirevision: `${x.value}/${y.value}`, xaxis: axis(x.value), yaxis: axis(y.value), margin: { l: 60, r: 12, t: 40, b: 46 } } };
}

function volumes() {
  const known = runs.filter(({ curve }) => curve.some(([, value]) => value !== null));
  if (known.length === 0) return null;
  const colours = tokens();
  return {
    data: known.map(({ name, curve }) => ({
      type: "scatter", mode: "lines", name, x: curve.map(([evaluated]) => evaluated), y: curve.map(([, value]) => value),
      line: { color: colours.series[runs.findIndex((run) => run.name === name)], width: 2, shape: "hv" },
    })),
    layout: { showlegend: true, xaxis: { title: { text: "candidates evaluated" }, rangemode: "tozero" }, yaxis: { title: { text: "hypervolume" }, rangemode: "nonnegative" }, margin: { l: 56, r: 12, t: 40, b: 46 } },
  };
}

if (x) {
  const plot = new Plot(document.querySelector("#fronts .plot"), fronts, { onClick: ({ customdata: [id, number] }) => location.assign(`/runs/${id}/candidates/${number}/`) });
  for (const select of [x, y]) select.addEventListener("change", () => plot.refresh());
  new Plot(document.querySelector("#volumes .plot"), volumes);
}
