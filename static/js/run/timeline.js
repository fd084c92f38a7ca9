/* Who was busy with what: a bar an evaluation, a row an evaluator. */
import { Plot } from "../plots/plot.js";
import { tokens } from "../plots/tokens.js";
import { counted, duration, escapeHtml } from "../format.js";
import { Remote } from "./remote.js";

export class Timeline {
  constructor(root, url, { onChoose }) {
    Object.assign(this, { root, answer: null });
    this.plot = new Plot(root.querySelector(".plot"), () => this.#picture(), { onClick: (point) => onChoose(point.customdata) });
    this.remote = new Remote(root, url, (answer) => {
      this.answer = answer;
      this.#say();
      this.plot.refresh();
    });
  }

  show({ run }) {
    this.remote.show(`${run.evaluations_done}/${run.status}`);
  }

  #say() {
    const { bars, total } = this.answer;
    this.root.querySelector("[data-count]").textContent = bars.length < total ? `the newest ${bars.length} of ${total} evaluations` : `${total} evaluations`;
    if (bars.length === 0) return;
    const rows = Math.max(...bars.map(({ row }) => row)) + 1;
    const [from, to] = [Math.min(...bars.map(({ ended, seconds }) => ended - seconds)), Math.max(...bars.map(({ ended }) => ended))];
    const busy = bars.reduce((sum, { seconds }) => sum + seconds, 0) / (rows * Math.max(1, to - from));
    this.root.querySelector("[data-busy]").textContent = `${rows} in parallel, busy ${Math.min(100, busy * 100).toFixed(0)} % of ${duration(to - from)}`;
  }

  #picture() {
    if (!this.answer) return undefined;
    if (this.answer.bars.length === 0) return null;
    const colours = tokens();
    const { bars } = this.answer;
    const fidelities = [...new Set(bars.map(({ fidelity }) => fidelity))].sort((one, other) => one - other);
    const groups = fidelities.map((fidelity, index) => [counted(fidelity, "epoch"), bars.filter((bar) => bar.fidelity === fidelity && bar.status === "done"), colours.series[index % colours.series.length], ""]);
    groups.push(["failed", bars.filter(({ status }) => status !== "done"), colours.bad, "/"]);
    const first = this.answer.started ?? Math.min(...bars.map(({ ended, seconds }) => ended - seconds));
    const minutes = (seconds) => seconds / 60;
    const data = groups.filter(([, members]) => members.length > 0).map(([name, members, color, shape]) => ({
      type: "bar", orientation: "h", name, base: members.map(({ ended, seconds }) => minutes(ended - seconds - first)), x: members.map(({ seconds }) => minutes(seconds)),
      y: members.map(({ row }) => `${row + 1}`), customdata: members.map(({ number }) => number), width: 0.7,
      hovertext: members.map(({ number, seconds, reason }) => `#${number}, ${duration(seconds)}${reason ? `: ${escapeHtml(reason)}` : ""}`), hovertemplate: "%{hovertext}<extra></extra>",
      marker: { color, pattern: { shape, fgcolor: colours.surface, fillmode: "overlay", size: 6 }, line: { color: colours.surface, width: 0.5 } },
    }));
    return { data, layout: { barmode: "overlay", dragmode: "pan", xaxis: { title: { text: "minutes since the start" } }, yaxis: { title: { text: "evaluator" }, type: "category", autorange: "reversed", fixedrange: true }, margin: { t: 28, l: 52, r: 12, b: 42 } }, config: { scrollZoom: true } };
  }
}
