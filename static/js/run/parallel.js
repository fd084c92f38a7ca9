/* Parallel coordinates: a line a candidate across its figures, the front in front. With WebGL one can brush an axis; without it the lines
   are drawn as a plain plot. Above a thousand lines an even sample, and it says so. */
import { Plot } from "../plots/plot.js";
import { tokens } from "../plots/tokens.js";
import { hasWebGL } from "../plots/webgl.js";
import { figure } from "../format.js";

const linesAtMost = 1000;

export class Parallel {
  constructor(root, measures) {
    Object.assign(this, { root, measures, state: null });
    this.onlyFront = root.querySelector("[name=only-front]");
    this.onlyFront.addEventListener("change", () => this.plot.refresh());
    this.plot = new Plot(root.querySelector(".plot"), () => (this.state ? this.#picture() : null));
  }

  show(state) {
    if (this.state?.candidates === state.candidates) return;
    this.state = state;
    this.plot.refresh();
  }

  /** All of the front, and of the others as many as there is room for. */
  #lines() {
    const names = this.measures.all.map(({ name }) => name);
    const whole = [...this.state.candidates.values()].filter((candidate) => candidate.status === "done" && names.every((name) => this.measures.value(candidate, name) !== null));
    const front = whole.filter((candidate) => candidate.is_on_front).slice(0, linesAtMost);
    if (this.onlyFront.checked) return [front, front.length];
    const others = whole.filter((candidate) => !candidate.is_on_front);
    const stride = Math.ceil(others.length / Math.max(1, linesAtMost - front.length));
    const shown = stride > 1 ? others.filter((_, index) => index % stride === 0) : others;
    return [[...shown, ...front], this.state.run.evaluations_done - this.state.run.evaluations_failed];
  }

  #picture() {
    const [lines, total] = this.#lines();
    this.root.querySelector("[data-count]").textContent = lines.length < total ? `${lines.length} of ${total} candidates` : `${lines.length} candidates`;
    if (lines.length === 0) return null;
    return hasWebGL() ? this.#brushed(lines) : this.#plain(lines);
  }

  #brushed(lines) {
    const colours = tokens();
    const dimensions = this.measures.all.map(({ name, short, unit }) => ({
      label: short, values: lines.map((candidate) => this.measures.value(candidate, name)), tickformat: unit === "%" ? ".1%" : unit === "ms" || unit === "mJ" ? "" : ".3~s",
    }));
    return {
      data: [{
        type: "parcoords", dimensions, customdata: lines.map(({ number }) => number), labelfont: { color: colours.text, size: 12 }, tickfont: { color: colours.muted, size: 11 }, rangefont: { color: "rgba(0,0,0,0)" },
        line: { color: lines.map((candidate) => (candidate.is_on_front ? 1 : 0)), cmin: 0, cmax: 1, colorscale: [[0, colours.line], [1, colours.accent]] },
        unselected: { line: { opacity: 0.06 } },
      }],
      layout: { margin: { l: 60, r: 60, t: 44, b: 16 } },
    };
  }

  /** One trace for the front and one for the others, their lines held apart by gaps. */
  #plain(lines) {
    const colours = tokens();
    const scales = this.measures.all.map(({ name }) => {
      const values = lines.map((candidate) => this.measures.value(candidate, name));
      return [Math.min(...values), Math.max(...values)];
    });
    const titles = this.measures.all.map(({ short, unit }, index) => `${short}<br>${scales[index].map((value) => figure(value, unit)).join(" to ")}`);
    const heights = (candidate) => this.measures.all.map(({ name }, index) => (this.measures.value(candidate, name) - scales[index][0]) / (scales[index][1] - scales[index][0] || 1));
    const trace = (name, members, line) => ({
      type: "scatter", mode: "lines", name, line, hovertemplate: "#%{customdata}<extra></extra>",
      x: members.flatMap(() => [...titles.keys(), null]), y: members.flatMap((candidate) => [...heights(candidate), null]),
      customdata: members.flatMap(({ number }) => [...titles.map(() => number), number]),
    });
    const front = lines.filter((candidate) => candidate.is_on_front);
    const data = [trace("dominated", lines.filter((candidate) => !candidate.is_on_front), { color: colours.line, width: 1 }), trace("front", front, { color: colours.accent, width: 1.5 })];
    return {
      data: data.filter((each) => each.x.length > 0),
      layout: { xaxis: { tickvals: [...titles.keys()], ticktext: titles, range: [-0.2, titles.length - 0.8] }, yaxis: { showticklabels: false, title: { text: "" } }, margin: { l: 16, r: 16, t: 28, b: 56 } },
    };
  }
}
