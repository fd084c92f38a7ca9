/* The five phases under the title: for each its state, what came out of it, or what it waits for. */
import { counted, figure, percent } from "../format.js";

const results = {
  problem: ({ run }) => {
    const data = run.header?.data;
    if (!data) return `${run.spec.dataset}; read when the engine starts`;
    const images = Object.values(data.sizes ?? {}).reduce((sum, size) => sum + size, 0);
    return `${data.name}: ${counted(images, "image")} of ${(data.input_shape ?? []).slice(1).join("×")}, ${data.classes} classes`;
  },
  space: ({ run }) => {
    const bounds = Object.entries(run.spec.limits ?? {}).filter(([, value]) => value !== null).length;
    return `${run.spec.space}, ${bounds ? counted(bounds, "constraint") : "no constraints"}, ${run.spec.objectives.join(", ")}`;
  },
  search: ({ run }) => {
    const done = `${run.evaluations_done} of ${run.evaluations_total}`;
    if (run.steps_done && !run.evaluations_done) return `${counted(run.steps_done, "learning step")} so far`;
    return run.front_size ? `${done}, ${run.front_size} on the front, best ${percent(run.best_accuracy)}` : `${done} evaluated`;
  },
  selection: ({ run, candidates }) => {
    if (run.chosen_number === null) return run.selection ? "no candidate meets the constraints" : "waiting for the search";
    const test = candidates.get(run.chosen_number)?.test_accuracy;
    return `#${run.chosen_number} by ${run.selection?.how ?? "its rule"}${test == null ? "" : `, test ${figure(test, "%")}`}`;
  },
  code: ({ run, repositories }) => {
    if (repositories.length > 0) return `${repositories.length === 1 ? "repository" : "repositories"} of ${repositories.map(({ number }) => `#${number}`).slice(-3).join(", ")}`;
    return run.status === "finished" || run.chosen_number !== null ? "Ready: generate the repository" : "waiting for the selection";
  },
};

export class Phases {
  constructor(root) {
    this.steps = [...root.querySelectorAll("[data-phase]")];
  }

  show(state) {
    const { run, repositories } = state;
    const here = this.steps.findIndex((step) => step.dataset.phase === run.phase);
    this.steps.forEach((step, index) => {
      const isDone = index < here || (index === here && run.phase === "code" && repositories.length > 0);
      const stopped = index === here && ["failed", "cancelled"].includes(run.status);
      step.dataset.state = isDone ? "done" : stopped ? "stopped" : index === here ? "here" : "ahead";
      if (index === here) step.setAttribute("aria-current", "step");
      else step.removeAttribute("aria-current");
      const words = step.querySelector("[data-phase-words]");
      const text = stopped ? `${run.status}: ${results[step.dataset.phase](state)}` : results[step.dataset.phase](state);
      if (words.textContent !== text) words.textContent = text;
    });
  }
}
