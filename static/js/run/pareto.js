/* The Pareto plot: each evaluated candidate a point, the front a line, the chosen one a ring. A click chooses, a lasso selects,
   the slider goes back to an earlier generation. */
import { counted } from "../format.js";
import { Plot } from "../plots/plot.js";
import { tokens } from "../plots/tokens.js";
import { hasWebGL } from "../plots/webgl.js";
import { remember, remembered } from "./address.js";
import { freshSize, ParetoFigure } from "./pareto-figure.js";
import { Replay } from "./replay.js";
import { frontFidelity, isRanked } from "./state.js";

/* Each control by its name, with what its value is called in the URL; a value that is the default is not written there. */
const controls = ["x", "y", "z", "colour", "logx", "logy", "dominated", "limits"];

export class ParetoPlot {
  constructor(root, measures, { onChoose, onSelect, limits }) {
    Object.assign(this, { root, measures, onSelect, limits, state: null, chosen: null, isSpatial: false, dragmode: "pan" });
    this.controls = Object.fromEntries(controls.map((name) => [name, root.querySelector(`[name=${name}]`)]));
    this.defaults = Object.fromEntries(controls.map((name) => [name, read(this.controls[name])]));
    this.plot = new Plot(root.querySelector(".plot"), () => this.#picture(), {
      onClick: (point) => onChoose(point.customdata),
      onSelect: (points) => this.#selected(points),
    });
    this.replay = new Replay(root.querySelector("[data-replay]"), { onChange: () => this.#redraw() });
    this.#restore();
    for (const control of Object.values(this.controls)) control.addEventListener("change", () => this.#changed());
    for (const button of root.querySelectorAll("[data-dimension]")) button.addEventListener("click", () => this.#dimension(button.dataset.dimension === "3", true));
    for (const button of root.querySelectorAll("[data-drag]")) button.addEventListener("click", () => this.#drag(button.dataset.drag));
  }

  show(state) {
    const before = this.state;
    this.state = state;
    this.replay.show(state);
    if (before?.candidates === state.candidates && before.run.status === state.run.status) return;
    if (before && !this.isSpatial && this.replay.generation === null) this.#sketch(before);
    this.#redraw();
  }

  /** What has just been trained is seen before the plot is drawn anew. */
  #sketch(before) {
    const isNew = ({ number, status }) => status === "done" && before.candidates.get(number)?.status !== "done";
    const place = (candidate) => ({ number: candidate.number, ...Object.fromEntries(["x", "y"].map((axis) => [axis, this.measures.value(candidate, this.controls[axis].value)])) });
    const points = [...this.state.candidates.values()].filter(isNew).map(place).filter(({ x, y }) => x !== null && y !== null);
    this.plot.sketch(points, { color: tokens().accent, size: freshSize });
  }

  choose(number) {
    this.chosen = number;
    this.plot.refresh();
  }

  #redraw() {
    this.plot.refresh();
    if (this.state) this.#count();
  }

  #changed() {
    remember(Object.fromEntries(controls.map((name) => {
      const value = read(this.controls[name]);
      return [name, value === this.defaults[name] ? null : value];
    })));
    this.#redraw();
  }

  #restore() {
    for (const name of controls) {
      const value = remembered(name);
      const control = this.controls[name];
      if (value === null) continue;
      if (control.type === "checkbox") control.checked = value === "1";
      else if ([...control.options].some((option) => option.value === value)) control.value = value;
    }
    const button = this.root.querySelector("[data-dimension='3']");
    if (!hasWebGL()) {
      button.disabled = true;
      button.title = "Needs WebGL, which this browser does not support";
    }
    this.#dimension(remembered("dim") === "3" && hasWebGL(), false);
  }

  #dimension(isSpatial, byUser) {
    this.isSpatial = isSpatial;
    if (byUser) remember({ dim: isSpatial ? 3 : null });
    for (const button of this.root.querySelectorAll("[data-dimension]")) button.setAttribute("aria-pressed", String((button.dataset.dimension === "3") === isSpatial));
    for (const part of this.root.querySelectorAll("[data-flat]")) part.hidden = isSpatial;
    for (const part of this.root.querySelectorAll("[data-spatial]")) part.hidden = !isSpatial;
    this.plot.reset();
    this.#redraw();
  }

  #drag(dragmode) {
    this.dragmode = dragmode;
    for (const button of this.root.querySelectorAll("[data-drag]")) button.setAttribute("aria-pressed", String(button.dataset.drag === dragmode));
    this.plot.relayout(dragmode === "pan" ? { dragmode, selections: [] } : { dragmode });
    if (dragmode === "pan") this.onSelect([]);
    this.plot.refresh();
  }

  /** The lasso's points, those of the front first: the tray takes six. */
  #selected(points) {
    const numbers = [...new Set(points.map(({ customdata }) => customdata))];
    const [isFront] = this.#ranks();
    const order = (number) => (isFront(this.state.candidates.get(number)) ? 0 : 1);
    this.onSelect(numbers.sort((one, other) => order(one) - order(other) || one - other));
  }

  #points() {
    const wanted = this.isSpatial ? ["x", "y", "z"] : ["x", "y"];
    const names = wanted.map((name) => this.controls[name].value);
    const { generation } = this.replay;
    return [...this.state.candidates.values()].filter((candidate) =>
      (generation === null || (candidate.generation ?? 0) <= generation) && names.every((name) => this.measures.value(candidate, name) !== null) && candidate.status === "done");
  }

  /** Who is on the front and who has a rank, now or at the generation of the replay. */
  #ranks() {
    const past = this.replay.front;
    if (past === null) return [(candidate) => Boolean(candidate?.is_on_front), (candidate) => isRanked(this.state, candidate)];
    return [(candidate) => past.has(candidate?.number), () => true];
  }

  #count() {
    const shown = this.#points().length;
    const total = this.replay.evaluated ?? this.state.run.evaluations_done - this.state.run.evaluations_failed;
    this.root.querySelector("[data-count]").textContent = shown < total && this.state.candidates.size < this.state.candidatesTotal ? `${shown.toLocaleString("en")} of ${counted(total, "candidate")}` : counted(shown, "candidate");
  }

  #picture() {
    if (!this.state) return undefined;
    const points = this.#points();
    if (points.length === 0) return null;
    const [isFront, isCandidateRanked] = this.#ranks();
    const value = (name) => read(this.controls[name]);
    return new ParetoFigure(
      { run: this.state.run, measures: this.measures, points, isFront, isRanked: isCandidateRanked, chosen: this.chosen, limitsOf: this.limits, fidelity: frontFidelity(this.state) },
      {
        x: value("x"), y: value("y"), z: value("z"), colour: value("colour"), logX: value("logx") === "1", logY: value("logy") === "1",
        dominated: value("dominated") === "1", limits: value("limits") === "1", isSpatial: this.isSpatial, dragmode: this.dragmode,
      },
    ).figure;
  }
}

function read(control) {
  return control.type === "checkbox" ? (control.checked ? "1" : "0") : control.value;
}
