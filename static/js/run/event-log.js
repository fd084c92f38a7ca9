/* The event log: what happened since the page was opened, the newest first, in words. */

const words = {
  StatusChanged: ({ status, by }) => `The run is ${status}${by ? `, by ${by}` : ""}`,
  SearchStarted: () => "The engine started",
  PhaseChanged: ({ phase }) => `Phase: ${phase}`,
  CandidateProposed: ({ number, change }) => `#${number} proposed: ${change || "from nothing"}`,
  ProposalRefused: ({ number, reason, times }) => `#${number}: ${times} refused, ${reason}`,
  DuplicateProposed: ({ number, of }) => `#${number} is the same network as #${of}`,
  EvaluationStarted: ({ number, fidelity }) => `#${number} in training, ${fidelity} epochs`,
  EvaluationFinished: ({ number, status, reason, values }) =>
    status === "done" ? `#${number} trained: accuracy ${(values.accuracy * 100).toFixed(1)} %` : `#${number} failed: ${reason}`,
  GenerationFinished: ({ generation, front }) => `Generation ${generation + 1} complete, ${front.length} on the front`,
  SelectionFinished: ({ chosen, how }) => `Chosen by ${how}: ${chosen === null ? "none" : `#${chosen}`}`,
  TestMeasured: ({ number, test_accuracy }) => `#${number}: test accuracy ${(test_accuracy * 100).toFixed(1)} %`,
  SearchFinished: ({ reason }) => `The search is finished: ${reason}`,
  SearchFailed: ({ reason }) => `The search failed: ${reason}`,
  RepositoryRequested: ({ number }) => `A repository of #${number} was asked for`,
};

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
  if (payload.status === "failed" || kind === "SearchFailed") item.className = "bad";
  return item;
}

export class EventLog {
  constructor(list, panel) {
    Object.assign(this, { list, panel, state: null, newest: 0 });
    panel.addEventListener("panel:show", () => this.#fill());
  }

  show(state) {
    this.state = state;
    if (!this.panel.hidden) this.#fill();
  }

  #fill() {
    const fresh = (this.state?.log ?? []).filter(({ seq }) => seq > this.newest);
    if (fresh.length === 0) return;
    this.newest = fresh.at(-1).seq;
    this.list.prepend(...fresh.reverse().map(line));
    while (this.list.children.length > 200) this.list.lastChild.remove();
  }
}
