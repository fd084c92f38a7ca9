/* What the algorithm learns by itself: a supernet's steps (DARTS), the stages of a progressive search. The newest are fetched when
   the tab is first seen; what comes later comes with the live events. */
import { counted } from "../format.js";
import { Plot } from "../plots/plot.js";
import { symbols, tokens } from "../plots/tokens.js";
import { Remote } from "./remote.js";

const kinds = new Set(["StepFinished", "StageChanged"]);

export class Learning {
  constructor(panel, url) {
    Object.assign(this, { panel, steps: [], stages: [], seq: null, waiting: [] });
    this.darts = panel.querySelector("#darts");
    this.edge = this.darts.querySelector("[name=edge]");
    this.edge.addEventListener("change", () => this.alphas.refresh());
    this.alphas = new Plot(this.darts.querySelector(".plot"), () => this.#alphas());
    this.now = new Plot(panel.querySelector("#edges .plot"), () => this.#newest());
    this.health = new Plot(panel.querySelector("#health .plot"), () => this.#health());
    this.remote = new Remote(panel, url, (answer) => {
      this.seq = answer.seq;
      this.steps = answer.steps;
      this.stages = answer.stages;
      this.#take(this.waiting.splice(0));
      this.#show();
    });
  }

  /** Each step is heard live; asking again finds what was missed while the connection was down. */
  show({ run }) {
    this.remote.show(`${run.steps_done}/${run.status}`);
  }

  /** A live event; before the earlier ones are here it waits. */
  hear(frame) {
    if (!kinds.has(frame.kind)) return;
    if (this.seq === null) this.waiting.push(frame);
    else {
      this.#take([frame]);
      this.#show();
    }
  }

  #take(frames) {
    const fresh = frames.filter(({ seq }) => seq > this.seq);
    this.steps = [...this.steps, ...fresh.filter(({ kind }) => kind === "StepFinished").map(({ payload }) => payload)];
    this.stages = [...this.stages, ...fresh.filter(({ kind }) => kind === "StageChanged")];
  }

  /** Reports of the supernet's steps that were accepted, in the order of their numbers. */
  get reports() {
    return this.steps.filter(({ report }) => report?.alphas).map(({ number, report }) => ({ number, ...report }));
  }

  #show() {
    const { reports, stages } = this;
    this.panel.querySelector("#supernet").hidden = reports.length === 0;
    this.panel.querySelector("#stages").hidden = stages.length === 0;
    this.panel.querySelector("[data-stages]").replaceChildren(...stages.map(stageLine));
    const edges = Object.keys(reports.at(-1)?.alphas ?? {});
    const chosen = this.edge.value;
    this.edge.replaceChildren(...edges.map((edge) => new Option(edge, edge, false, edge === chosen)));
    const warning = reports.at(-1)?.warning ?? "";
    const note = this.panel.querySelector("[data-warning]");
    note.hidden = warning === "";
    note.textContent = warning;
    for (const plot of [this.alphas, this.now, this.health]) plot.refresh();
  }

  #alphas() {
    const { reports } = this;
    const edge = this.edge.value;
    if (reports.length === 0 || !edge) return null;
    const colours = tokens();
    const operations = reports.at(-1).operations;
    return {
      data: operations.map((operation, index) => ({
        type: "scatter", mode: "lines+markers", name: operation, x: reports.map((_, place) => place + 1), y: reports.map(({ alphas }) => alphas[edge]?.[index] ?? null),
        line: { color: colours.series[index % 7], width: 2 }, marker: { size: 6, symbol: symbols[index % 7] }, hovertemplate: `step %{x}: ${operation} %{y:.1%}<extra></extra>`,
      })),
      layout: { xaxis: { title: { text: "step" }, tickformat: "d" }, yaxis: { title: { text: `probability at ${edge}` }, tickformat: ".0%", rangemode: "tozero" }, margin: { t: 40, l: 56, r: 12, b: 42 } },
    };
  }

  #newest() {
    const last = this.reports.at(-1);
    if (!last) return null;
    const colours = tokens();
    const edges = Object.keys(last.alphas);
    return {
      data: [{ type: "heatmap", x: last.operations, y: edges, z: edges.map((edge) => last.alphas[edge]), zmin: 0, zmax: 1, colorscale: [[0, colours.sunken], [1, colours.accent]], xgap: 1, ygap: 1, hovertemplate: "%{y}: %{x} %{z:.1%}<extra></extra>", colorbar: { tickformat: ".0%", thickness: 10, outlinewidth: 0, tickfont: { color: colours.muted, size: 11 } } }],
      layout: { xaxis: { type: "category", title: { text: "operation" } }, yaxis: { type: "category", autorange: "reversed", title: { text: "edge" } }, margin: { l: 90, r: 8, t: 8, b: 70 } },
    };
  }

  #health() {
    const { reports } = this;
    if (reports.length === 0) return null;
    const colours = tokens();
    const series = [["share of skip connections", "skip_share"], ["accuracy of the supernet", "accuracy"], ["largest eigenvalue", "eigenvalue"]];
    const data = series.filter(([, key]) => reports.some((report) => report[key] != null)).map(([name, key], index) => ({
      type: "scatter", mode: "lines+markers", name, x: reports.map((_, place) => place + 1), y: reports.map((report) => report[key] ?? null),
      line: { color: colours.series[index], width: 2 }, marker: { size: 6, symbol: symbols[index] }, hovertemplate: `step %{x}: ${name} %{y:.3~r}<extra></extra>`,
    }));
    return { data, layout: { xaxis: { title: { text: "step" }, tickformat: "d" }, yaxis: { title: { text: "" }, rangemode: "tozero" }, margin: { t: 40, l: 52, r: 12, b: 42 } } };
  }
}

/** One stage, with the decisions that it opened, narrowed or froze folded below it. */
function stageLine({ payload, at }) {
  const item = document.createElement("li");
  const time = Object.assign(document.createElement("time"), { dateTime: at, textContent: new Date(at).toLocaleTimeString(), className: "muted" });
  item.append(time, Object.assign(document.createElement("strong"), { textContent: payload.name }), `from #${payload.number} on: ${payload.reason}`);
  if (payload.changes.length > 0) item.append(folded(payload.changes));
  return item;
}

function folded(changes) {
  const fold = Object.assign(document.createElement("details"), { className: "fold" });
  fold.append(Object.assign(document.createElement("summary"), { textContent: counted(changes.length, "decision") }));
  const list = document.createElement("ul");
  list.append(...changes.map((change) => Object.assign(document.createElement("li"), { textContent: change })));
  fold.append(list);
  return fold;
}
