/* Parallel coordinates: a line a candidate across its figures, the front in front. A box over an axis keeps the lines that pass there.
   Above a thousand lines an even sample, and it says so. (plotly's own parcoords compiles code with eval, which the content policy forbids.) */
import { Plot } from "../plots/plot.js";
import { tokens } from "../plots/tokens.js";
import { counted, figure } from "../format.js";

const linesAtMost = 1000;

export class Parallel {
  constructor(root, measures) {
    Object.assign(this, { root, measures, state: null, kept: null, boxes: 0 });
    this.onlyFront = root.querySelector("[name=only-front]");
    this.onlyFront.addEventListener("change", () => this.#brush(null));
    this.plot = new Plot(root.querySelector(".plot"), () => (this.state ? this.#picture() : undefined), { onSelect: (points) => this.#selected(points) });
  }

  show(state) {
    if (this.state?.candidates === state.candidates) return;
    this.state = state;
    this.plot.refresh();
  }

  /** Each further box narrows what the earlier ones kept; none lets all pass. */
  #selected(points) {
    if (points.length === 0) return this.kept === null ? undefined : this.#brush(null);
    const numbers = new Set(points.map(({ customdata }) => customdata));
    const both = this.kept === null ? numbers : new Set([...this.kept].filter((number) => numbers.has(number)));
    return this.#brush(both.size > 0 ? both : numbers);
  }

  #brush(kept) {
    this.kept = kept;
    this.boxes += 1;
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

  #say(lines, total) {
    const all = lines.length < total ? `${lines.length.toLocaleString("en")} of ${counted(total, "candidate")}` : counted(lines.length, "candidate");
    this.root.querySelector("[data-count]").textContent = this.kept === null ? all : `${this.kept.size.toLocaleString("en")} kept, of ${all}`;
  }

  #picture() {
    const [lines, total] = this.#lines();
    this.#say(lines, total);
    if (lines.length === 0) return null;
    const colours = tokens();
    const scales = this.measures.all.map(({ name }) => {
      const values = lines.map((candidate) => this.measures.value(candidate, name));
      return [Math.min(...values), Math.max(...values)];
    });
    const passes = ({ number }) => this.kept === null || this.kept.has(number);
    const groups = [
      ["left out", lines.filter((candidate) => !passes(candidate)), { color: colours.line, width: 1 }, 0.35],
      ["dominated", lines.filter((candidate) => passes(candidate) && !candidate.is_on_front), { color: colours.muted, width: 1 }, 0.5],
      ["front", lines.filter((candidate) => passes(candidate) && candidate.is_on_front), { color: colours.accent, width: 1.5 }, 0.9],
    ];
    return {
      data: groups.filter(([, members]) => members.length > 0).map(([name, members, line, opacity]) => this.#trace(name, members, line, opacity, scales)),
      layout: this.#layout(scales),
    };
  }

  /** One trace for a whole group: its lines are held apart by gaps. */
  #trace(name, members, line, opacity, scales) {
    const heights = (candidate) => this.measures.all.map((measure, index) => (this.measures.value(candidate, measure.name) - scales[index][0]) / (scales[index][1] - scales[index][0] || 1));
    return {
      type: "scatter", mode: "lines+markers", name, line, opacity, marker: { size: 4, color: line.color }, hovertemplate: "#%{customdata}<extra></extra>",
      x: members.flatMap(() => [...scales.keys(), null]), y: members.flatMap((candidate) => [...heights(candidate), null]),
      customdata: members.flatMap(({ number }) => [...scales.map(() => number), number]), selected: { marker: { opacity: 1 } }, unselected: { marker: { opacity: 1 } },
    };
  }

  #layout(scales) {
    const titles = this.measures.all.map(({ short, unit, modelled }, index) => `${short}<br>${scales[index].map((value) => `${modelled ? "≈ " : ""}${figure(value, unit)}`).join(" to ")}`);
    return {
      showlegend: true, dragmode: "select", selectdirection: "any", selectionrevision: this.boxes, selections: [], uirevision: "parallel",
      xaxis: { tickvals: [...titles.keys()], ticktext: titles, range: [-0.2, titles.length - 0.8], fixedrange: true }, yaxis: { showticklabels: false, title: { text: "" }, fixedrange: true }, margin: { l: 16, r: 16, t: 28, b: 56 },
    };
  }
}
