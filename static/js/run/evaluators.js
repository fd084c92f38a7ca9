/* What is being trained right now: one line for each evaluator, kept in place so that nothing jumps. */
import { duration, percent } from "../format.js";

const waiting = {
  queued: "Waiting for a free worker.",
  running: "The engine is starting. The first candidate trains in a few seconds.",
  pausing: "Pausing. Trained candidates are kept.",
  cancelling: "Stopping.",
};

function line() {
  const item = document.createElement("li");
  item.innerHTML = `<strong data-number></strong> <span data-epoch class="muted"></span>
    <progress max="1" value="0" aria-label="Epochs"></progress> <span data-accuracy></span> <span data-left class="muted small"></span>`;
  return item;
}

function fill(item, { number, epoch, epochs, accuracy, seconds_left: left }) {
  const write = (name, text) => (item.querySelector(`[data-${name}]`).textContent = text);
  write("number", `#${number}`);
  write("epoch", `epoch ${epoch} of ${epochs}`);
  write("accuracy", accuracy == null ? "" : percent(accuracy));
  write("left", left == null ? "" : `${duration(left)} left`);
  item.querySelector("progress").value = epochs ? epoch / epochs : 0;
}

export class Evaluators {
  constructor(root) {
    this.root = root;
    this.list = root.querySelector("[data-evaluators]");
    this.words = root.querySelector("[data-waiting]");
    this.lines = new Map();
  }

  show({ progress, run }) {
    this.root.hidden = !(run.status in waiting);
    const isTraining = run.status === "running" && progress.size > 0;
    this.list.hidden = !isTraining;
    this.words.textContent = isTraining ? "" : (waiting[run.status] ?? "");
    if (!isTraining) return;
    for (const [evaluator, report] of [...progress].sort(([one], [other]) => one - other)) {
      if (!this.lines.has(evaluator)) {
        this.lines.set(evaluator, line());
        this.list.append(this.lines.get(evaluator));
      }
      fill(this.lines.get(evaluator), report);
    }
  }
}
