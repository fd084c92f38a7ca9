/* The event log in words, the newest first: what came before the page was opened is fetched when the log is first looked at. */

import { counted, percent } from "../format.js";

const words = {
  StatusChanged: ({ status, by }) => `The run is ${status}${by ? `, by ${by}` : ""}`,
  SearchStarted: () => "The engine started",
  PhaseChanged: ({ phase }) => `Phase: ${phase}`,
  CandidateProposed: ({ number, change }) => `#${number} proposed: ${change || "from nothing"}`,
  ProposalRefused: ({ number, reason, times }) => `#${number}: ${times} refused, ${reason}`,
  DuplicateProposed: ({ number, of }) => `#${number} is the same network as #${of}`,
  EvaluationStarted: ({ number, fidelity }) => `#${number} ${fidelity === 0 ? "is scored" : `in training, ${counted(fidelity, "epoch")}`}`,
  EvaluationFinished: ({ number, status, reason, values }) => (status === "done" ? `#${number} ${result(values)}` : `#${number} failed: ${reason}`),
  GenerationFinished: ({ generation, front }) => `Generation ${generation + 1} complete, ${front.length} on the front`,
  SelectionFinished: ({ chosen, how }) => `Chosen by ${how}: ${chosen === null ? "none" : `#${chosen}`}`,
  TestMeasured: ({ number, test_accuracy }) => `#${number}: test accuracy ${(test_accuracy * 100).toFixed(1)} %`,
  SearchFinished: ({ reason }) => `The search is finished: ${reason}`,
  SearchFailed: ({ reason }) => `The search failed: ${reason}`,
  RepositoryRequested: ({ number }) => `A repository of #${number} was asked for`,
  StepFinished: ({ step, report, status, reason }) =>
    status === "failed" ? `A step of ${step} failed: ${reason}` : `${step}: step ${report?.epoch ?? ""}${report?.epochs ? ` of ${report.epochs}` : ""}`,
  CandidatePromoted: ({ number, fidelity, to, reason }) => `#${number} goes on from ${fidelity} to ${to} epochs: ${reason}`,
  SupernetJudged: ({ reason }) => reason,
  StageChanged: ({ name, number, reason }) => `Stage ${name} from #${number} on: ${reason}`,
};

/** What stands for accuracy below the first training is never called so. */
function result(values) {
  if (values.accuracy !== undefined) return `trained: accuracy ${percent(values.accuracy)}`;
  return values.supernet === undefined ? "estimated by proxies" : `estimated: ${percent(values.supernet)} with the supernet's weights, which only ranks it`;
}

function line({ seq, kind, payload, at }) {
  const item = document.createElement("li");
  const time = document.createElement("time");
  time.dateTime = at;
  time.textContent = new Date(at).toLocaleTimeString();
  const text = document.createElement("span");
  text.textContent = words[kind]?.(payload) ?? kind;
  const number = document.createElement("span");
  number.className = "muted small";
  number.textContent = seq;
  item.append(time, text, number);
  item.dataset.kind = kind;
  if (payload.status === "failed" || kind === "SearchFailed") item.className = "bad";
  return item;
}

const shownAtMost = 500;

export class EventLog {
  constructor(list, panel, url) {
    Object.assign(this, { list, panel, url, state: null, newest: null, isFetching: false });
    this.kind = panel.querySelector("[data-event-kind]");
    this.kind.addEventListener("change", () => this.#filter(this.list.children));
    panel.addEventListener("panel:show", () => this.#fill());
  }

  show(state) {
    this.state = state;
    if (!this.panel.hidden) this.#fill();
  }

  #fill() {
    if (this.state === null || this.isFetching) return;
    if (this.newest === null) this.#fetchEarlier();
    else this.#add(this.state.log.filter(({ seq }) => seq > this.newest));
  }

  async #fetchEarlier() {
    this.newest = Math.max(0, this.state.seq - shownAtMost);
    this.isFetching = true;
    try {
      const response = await fetch(`${this.url}?after=${this.newest}&limit=${shownAtMost}`, { headers: { Accept: "application/json" } });
      if (response.ok) this.#add((await response.json()).events);
    } catch {
      // Without the portal there is nothing to show; the connection's state says so already.
    }
    this.isFetching = false;
    this.#fill();
  }

  #add(fresh) {
    if (fresh.length === 0) return;
    this.newest = fresh.at(-1).seq;
    const lines = fresh.reverse().map(line);
    this.#filter(lines);
    this.list.prepend(...lines);
    while (this.list.children.length > shownAtMost) this.list.lastChild.remove();
  }

  #filter(lines) {
    const wanted = this.kind.value;
    for (const each of lines) each.hidden = !(wanted === "" || each.dataset.kind === wanted || (wanted === "failed" && each.className === "bad"));
  }
}
