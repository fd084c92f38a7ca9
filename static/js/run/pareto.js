/* The Pareto plot: each evaluated candidate a point, the front a line, the chosen one a ring. A click chooses. */
import { Plot } from "../plots/plot.js";
import { symbols, tokens } from "../plots/tokens.js";
import { escapeHtml } from "../format.js";
import { front, isRanked } from "./state.js";

const svgPoints = 5000; // above it, WebGL

function hasWebGL() {
  try {
    return document.createElement("canvas").getContext("webgl2") !== null;
  } catch {
    return false;
  }
}

export class ParetoPlot {
  constructor(root, measures, { onChoose }) {
    Object.assign(this, { root, measures, state: null, chosen: null });
    this.x = root.querySelector("[name=x]");
    this.y = root.querySelector("[name=y]");
    this.colour = root.querySelector("[name=colour]");
    this.dominated = root.querySelector("[name=dominated]");
    this.logarithmic = root.querySelector("[name=log]");
    this.plot = new Plot(root.querySelector(".plot"), () => this.#picture(), { onClick: (point) => onChoose(point.customdata) });
    for (const control of [this.x, this.y, this.colour, this.dominated, this.logarithmic]) {
      control.addEventListener("change", () => this.#changed());
    }
    this.#restore();
  }

  show(state) {
    this.state = state;
    this.plot.refresh();
    this.#count();
  }

  choose(number) {
    this.chosen = number;
    this.plot.refresh();
  }

  #changed() {
    const query = new URLSearchParams(location.search);
    query.set("x", this.x.value);
    query.set("y", this.y.value);
    history.replaceState(history.state, "", `?${query}${location.hash}`);
    this.plot.refresh();
  }

  /** The axes stand in the URL, so a link shows what its sender saw. */
  #restore() {
    const query = new URLSearchParams(location.search);
    for (const axis of ["x", "y"]) if (this.measures.named.has(query.get(axis))) this[axis].value = query.get(axis);
  }

  #points() {
    return [...this.state.candidates.values()].filter(
      (candidate) => this.measures.value(candidate, this.x.value) != null && this.measures.value(candidate, this.y.value) != null,
    );
  }

  #count() {
    const shown = this.#points().length;
    const total = this.state.run.evaluations_done - this.state.run.evaluations_failed;
    this.root.querySelector("[data-count]").textContent = shown < total ? `${shown} of ${total} candidates` : `${total} candidates`;
  }

  #hover(candidate) {
    const lines = this.measures.all.map(({ name, title }) => `${escapeHtml(title)} ${escapeHtml(this.measures.text(candidate, name))}`);
    return `<b>#${candidate.number}</b><br>${lines.join("<br>")}`;
  }

  #trace(name, candidates, extra, marker) {
    return {
      type: candidates.length > svgPoints && hasWebGL() ? "scattergl" : "scatter",
      mode: "markers", name,
      x: candidates.map((candidate) => this.measures.value(candidate, this.x.value)),
      y: candidates.map((candidate) => this.measures.value(candidate, this.y.value)),
      customdata: candidates.map((candidate) => candidate.number),
      hovertext: candidates.map((candidate) => this.#hover(candidate)),
      hovertemplate: "%{hovertext}<extra></extra>",
      marker, ...extra,
    };
  }

  #picture() {
    if (!this.state) return null;
    const points = this.#points();
    if (points.length === 0) return null;
    const colours = tokens();
    const members = front(this.state).filter((candidate) => points.includes(candidate));
    const data = [];
    const others = points.filter((candidate) => !candidate.is_on_front);
    const fresh = others.filter((candidate) => !isRanked(this.state, candidate));
    if (this.dominated.checked) data.push(...this.#dominatedTraces(others.filter((candidate) => isRanked(this.state, candidate)), colours));
    if (fresh.length > 0) data.push(this.#trace("not ranked yet", fresh, {}, { color: colours.accent, size: 8, symbol: "diamond-open" }));
    if (members.length > 0) data.push(this.#staircase(members, colours));
    if (members.length > 0) data.push(this.#trace("front", members, {}, { color: colours.accent, size: 10, symbol: "circle", line: { color: colours.surface, width: 1.5 } }));
    const chosen = this.state.candidates.get(this.chosen);
    if (chosen && points.includes(chosen)) {
      data.push(this.#trace("chosen", [chosen], {}, { color: "rgba(0,0,0,0)", size: 19, symbol: "circle", line: { color: colours.text, width: 2 } }));
    }
    return {
      data,
      layout: {
        showlegend: true, dragmode: "pan", uirevision: `${this.x.value}/${this.y.value}/${this.logarithmic.checked}`,
        xaxis: { title: { text: this.measures.axisTitle(this.x.value) }, type: this.logarithmic.checked ? "log" : "linear", tickformat: this.#ticks(this.measures.named.get(this.x.value)) },
        yaxis: { title: { text: this.measures.axisTitle(this.y.value) }, tickformat: this.#ticks(this.measures.named.get(this.y.value)) },
        margin: { l: 60, r: 16, t: 28, b: 46 },
      },
      config: { scrollZoom: false },
    };
  }

  #ticks(measure) {
    if (measure.unit === "%") return ".1%";
    return measure.unit === "ms" || measure.unit === "mJ" ? "" : "~s";
  }

  /** Colour and marker shape by what was asked for; without it all are one quiet colour. */
  #dominatedTraces(candidates, colours) {
    const quiet = { color: colours.muted, size: 7, opacity: 0.55, symbol: "circle-open" };
    if (candidates.length === 0) return [];
    if (this.colour.value === "none") return [this.#trace("dominated", candidates, {}, quiet)];
    const groups = Map.groupBy
      ? Map.groupBy(candidates, (candidate) => candidate.generation ?? 0)
      : candidates.reduce((map, each) => map.set(each.generation ?? 0, [...(map.get(each.generation ?? 0) ?? []), each]), new Map());
    const ordered = [...groups.entries()].sort(([one], [other]) => one - other);
    if (ordered.length <= symbols.length) {
      return ordered.map(([generation, members], index) =>
        this.#trace(`generation ${generation + 1}`, members, {}, { color: colours.series[index], symbol: symbols[index], size: 7, opacity: 0.75 }));
    }
    return [this.#trace("dominated", candidates, {}, {
      size: 7, opacity: 0.8, color: candidates.map((candidate) => (candidate.generation ?? 0) + 1), colorscale: "Cividis",
      colorbar: { title: { text: "generation" }, thickness: 10, outlinewidth: 0 },
    })];
  }

  /** The line up to which this pair of axes is dominated: a front over three objectives has points behind it. */
  #staircase(members, colours) {
    const better = (name) => (this.measures.named.get(name).direction === "maximise" ? -1 : 1);
    const [byX, byY] = [better(this.x.value), better(this.y.value)];
    const corners = members
      .map((candidate) => [this.measures.value(candidate, this.x.value), this.measures.value(candidate, this.y.value)])
      .sort(([x1, y1], [x2, y2]) => byX * (x1 - x2) || byY * (y1 - y2));
    let least = Infinity;
    const line = corners.filter(([, y]) => byY * y < least && ((least = byY * y), true));
    return {
      type: "scatter", mode: "lines", hoverinfo: "skip", showlegend: false,
      x: line.map(([x]) => x), y: line.map(([, y]) => y),
      line: { color: colours.accent, width: 1.5, shape: "hv" }, opacity: 0.45,
    };
  }
}
