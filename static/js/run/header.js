/* The run's first line: status, generation, evaluated, elapsed and left. */
import { announce } from "../live.js";
import { duration, percent } from "../format.js";
import { generations } from "./state.js";

const atWork = new Set(["running", "pausing", "cancelling"]);

/** Time at work, without pauses: what the rows knew at the snapshot, and what was worked since. */
class Clock {
  constructor() {
    this.worked = 0; // seconds of the stretches of work that ended since the snapshot
    this.since = performance.now();
    this.runs = false;
  }

  /** A stretch of work begins or ends with the status. */
  follow(status) {
    if (this.runs && !atWork.has(status)) this.worked += this.#passed();
    if (!this.runs && atWork.has(status)) this.since = performance.now();
    this.runs = atWork.has(status);
  }

  elapsed(run) {
    return run.started ? run.worked_seconds + this.worked + (this.runs ? this.#passed() : 0) : null;
  }

  #passed() {
    return (performance.now() - this.since) / 1000;
  }
}

/** Of the budget of evaluations or of counted cost, whichever is nearer to its end. */
function shareDone({ evaluations_done: done, evaluations_total: total, cost, spec }) {
  const byCost = spec.max_cost ? cost / spec.max_cost : 0;
  return Math.min(1, Math.max(total ? done / total : 0, byCost));
}

/** Time left by the pace so far; unknown before the first result. */
function left(run, seconds) {
  const share = shareDone(run);
  return share > 0 && share < 1 ? (seconds / share) * (1 - share) : null;
}

export class Header {
  constructor(root) {
    this.root = root;
    this.status = null;
    this.generation = null;
    this.clock = new Clock();
    this.timer = setInterval(() => this.run && this.#times(), 1000);
  }

  /** The snapshot is fresh: the clock goes on from its figure. */
  restart() {
    this.clock = new Clock();
  }

  show({ run }) {
    const before = this.status;
    this.run = run;
    this.clock.follow(run.status);
    const { now, total } = generations({ run });
    this.#text("generation", total === null ? String(now) : `${now}/${total}`);
    this.#text("done", String(run.evaluations_done));
    this.#text("best", percent(run.best_accuracy));
    this.#text("refused", String(run.refused));
    this.#text("duplicates", String(run.duplicates));
    const known = run.evaluations_done + run.promotions_done;
    this.#text("cached", run.evaluations_cached ? `, ${run.evaluations_cached} of ${known} reused from cache` : "");
    this.#text("failed", String(run.evaluations_failed));
    this.#times();
    this.#statusIs(run);
    if (run.generation !== this.generation) {
      if (this.generation !== null) announce(`Generation ${run.generation + 1} is complete. Best accuracy ${percent(run.best_accuracy)}.`);
      this.generation = run.generation;
    }
    if (before !== null && before !== run.status && ["finished", "failed", "cancelled"].includes(run.status)) announce(`The run is ${run.status}.`);
  }

  connection(state) {
    const words = { live: "live", polling: "live, by polling", reconnecting: "reconnecting", gone: "deleted, or no longer shared with you", "signed-out": "signed out" };
    this.#text("connection", words[state]);
    const element = this.root.querySelector("[data-run='connection']");
    element.dataset.state = state;
    if (state === "signed-out") element.append(": ", this.#wayIn(element.dataset.login));
  }

  #wayIn(login) {
    const link = document.createElement("a");
    link.href = `${login}?next=${encodeURIComponent(location.pathname)}`;
    link.textContent = "sign in again";
    return link;
  }

  #text(name, text) {
    for (const element of this.root.querySelectorAll(`[data-run='${name}']`)) if (element.textContent !== text) element.textContent = text;
  }

  #times() {
    const seconds = this.clock.elapsed(this.run);
    this.#text("elapsed", duration(seconds));
    const rest = atWork.has(this.run.status) ? left(this.run, seconds) : null;
    this.#text("left", rest === null ? "" : `, about ${duration(rest)} left`);
    const bar = this.root.querySelector("[data-run='bar']");
    bar.style.width = `${100 * shareDone(this.run)}%`;
    this.#text("budget", this.run.spec.max_cost ? `, ${Math.round(100 * shareDone(this.run))} % of the budget` : "");
  }

  #statusIs(run) {
    this.status = run.status;
    const badge = this.root.querySelector("[data-run='status']");
    badge.className = `badge ${run.status}`;
    badge.textContent = run.status;
    this.root.dataset.status = run.status;
    for (const form of this.root.querySelectorAll("[data-when]")) form.hidden = !form.dataset.when.split(" ").includes(run.status);
    for (const note of document.querySelectorAll("[data-ending]")) note.hidden = note.dataset.ending !== run.status;
    for (const reason of document.querySelectorAll("[data-run='reason']")) reason.textContent = run.reason;
    for (const hash of document.querySelectorAll("[data-run='hash']")) hash.textContent = run.history_sha256 || "available when the search is finished";
  }
}
