/* The fidelity ladder as a flow: how many candidates were measured at each rung and how many of them were promoted. */
import { counted } from "../format.js";
import { Plot } from "../plots/plot.js";
import { tokens } from "../plots/tokens.js";
import { Remote } from "./remote.js";

export class Ladder {
  constructor(root, url) {
    Object.assign(this, { root, answer: null, trial: root.querySelector("[data-trial]"), first: "proxies" });
    this.plot = new Plot(root.querySelector(".plot"), () => this.#picture());
    this.remote = new Remote(root.parentElement, url, (answer) => {
      this.answer = answer;
      this.plot.box.hidden = answer.rungs.length < 2;
      root.hidden = this.plot.box.hidden && this.trial.hidden;
      this.#say();
      this.plot.refresh();
    });
  }

  show({ run }) {
    if (run.spec.ladder?.proxy === "supernet") this.#try(run);
    this.remote.show(`${run.evaluations_done}/${run.status}`);
  }

  /** A supernet's order is shown with how far it was borne out, or that nobody knows yet. */
  #try({ supernet, spec }) {
    this.first = "supernet";
    const { trial_networks: networks } = spec.ladder;
    this.trial.textContent = supernet ? `${supernet.reason}.` : `A supernet is trained first and then checked: it ranks ${networks} candidates, which are also trained on their own. Only if the two orders agree does the supernet select which candidates are trained.`;
    this.trial.classList.toggle("warn", Boolean(supernet) && !supernet.is_trusted);
    this.trial.hidden = false;
  }

  #say() {
    const cached = this.answer.rungs.reduce((sum, rung) => sum + rung.cached, 0);
    const all = this.answer.rungs.reduce((sum, rung) => sum + rung.done + rung.failed, 0);
    this.root.querySelector("[data-count]").textContent = `${all} evaluations${cached ? `, ${cached} of them reused from cache` : ""}`;
  }

  #picture() {
    if (!this.answer || this.answer.rungs.length < 2) return null;
    const colours = tokens();
    const { rungs, moves } = this.answer;
    const place = new Map(rungs.map(({ fidelity }, index) => [fidelity, index]));
    const links = moves.map(({ source, target, count }) => ({ source: place.get(source), target: place.get(target), count, color: colours.accent }));
    const left = (index) => rungs[index].done - links.filter(({ source }) => source === index).reduce((sum, { count }) => sum + count, 0);
    const last = rungs.length - 1;
    rungs.forEach((rung, index) => {
      if (index < last && left(index) > 0) links.push({ source: index, target: rungs.length, count: left(index), color: colours.muted });
      if (rung.failed > 0) links.push({ source: index, target: rungs.length + 1, count: rung.failed, color: colours.bad });
    });
    return {
      data: [{
        type: "sankey", arrangement: "snap",
        node: { label: [...rungs.map(({ fidelity, done, failed }) => `${fidelity === 0 ? this.first : counted(fidelity, "epoch")}: ${done + failed}`), "stopped here", "failed"], color: [...rungs.map(() => colours.accent), colours.muted, colours.bad], pad: 18, thickness: 14, line: { width: 0 }, hovertemplate: "%{label}<extra></extra>" },
        link: { source: links.map((link) => link.source), target: links.map((link) => link.target), value: links.map((link) => link.count), color: links.map((link) => translucent(link.color)), hovertemplate: "%{source.label} → %{target.label}: %{value}<extra></extra>" },
        textfont: { color: colours.text, size: 12 },
      }],
      layout: { margin: { l: 8, r: 8, t: 12, b: 12 } },
    };
  }
}

/** `rgb(1, 2, 3)` with a third of its weight. */
function translucent(colour) {
  return colour.replace(/^rgb\((.*)\)$/, "rgba($1, 0.3)");
}
