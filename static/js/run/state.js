/* What the run page knows, and how an event changes it. Pure: reduce(state, frame) returns a new state and touches nothing else.
   The law, tested for every kind of event: a snapshot and the events after its seq give what a later snapshot gives. */

/** The state that a snapshot frame stands for. */
export function fromSnapshot(frame) {
  return {
    seq: frame.seq,
    run: frame.run,
    candidates: new Map(frame.candidates.map((candidate) => [candidate.number, candidate])),
    candidatesTotal: frame.candidates_total,
    generations: frame.generations,
    progress: new Map(frame.progress.map((report) => [report.evaluator, report])),
    repositories: frame.repositories,
    log: [],
  };
}

const logLength = 200;
const over = new Set(["finished", "failed", "cancelled"]);

function changeRun(state, changes) {
  return { ...state, run: { ...state.run, ...changes } };
}

function changeCandidate(state, number, changes) {
  const candidates = new Map(state.candidates);
  candidates.set(number, { number, ...candidates.get(number), ...changes });
  return { ...state, candidates };
}

function markFront(state, front) {
  const members = new Set(front);
  const candidates = new Map(state.candidates);
  for (const [number, candidate] of candidates) {
    if (Boolean(candidate.is_on_front) !== members.has(number)) candidates.set(number, { ...candidate, is_on_front: members.has(number) });
  }
  return { ...state, candidates, run: { ...state.run, front_size: front.length } };
}

/** Ranks are given when a generation is complete; a candidate of a later one is neither on the front nor dominated yet. */
export function isRanked({ run }, candidate) {
  const over = ["finished", "cancelled"].includes(run.status);
  return candidate.is_on_front || over || (candidate.generation ?? 0) <= (run.generation ?? -1);
}

/** The generation under way, counted from 1, and how many there will be, where that is known: who climbs a ladder or is
    proposed twice takes a place of a generation, too. */
export function generations({ run }) {
  const { population } = run.spec.algorithm_options;
  const complete = (run.generation ?? -1) + 1;
  if (!population) return { now: complete, total: null };
  const total = Math.ceil(run.evaluations_total / population);
  const begun = run.status === "finished" ? complete : complete + 1;
  const now = run.evaluations_done < run.evaluations_total ? begun : Math.max(complete, Math.min(begun, total));
  const { proxy, rungs } = run.spec.ladder ?? {};
  return { now, total: proxy || rungs?.includes(",") || now > total ? null : total };
}

/** The members of the front. */
export function front(state) {
  return [...state.candidates.values()].filter((candidate) => candidate.is_on_front);
}

function better(one, other) {
  return other == null || (one != null && one > other) ? (one ?? null) : other;
}

/** At how many epochs the front was measured; null before there is one. */
export function frontFidelity({ run, generations }) {
  return run.selection?.fidelity ?? generations.at(-1)?.fidelity ?? null;
}

/** What a model had to give for one that is away, though this target is measured. */
function told(timing) {
  return { modelled: timing?.latency?.how === "modelled" ? ["latency"] : undefined };
}

/* One rule per kind of event, in the order in which they come. */
const rules = {
  StatusChanged: (state, { status, reason }, at) => {
    if (over.has(status)) return changeRun(state, { status, reason, finished: at });
    if (status === "queued") return changeRun(state, { status, reason: "", finished: null });
    return changeRun(state, status === "running" ? { status, started: state.run.started ?? at } : { status });
  },
  SearchStarted: (state, { header }) => changeRun(state, { header: state.run.header ?? header }),
  PhaseChanged: (state, { phase }) => changeRun(state, { phase }),
  CandidateProposed: (state, { number, change, params, macs, memory_bytes, generation }) => {
    const known = state.candidates.has(number);
    const facts = { change, params, macs, memory_bytes, generation };
    const next = changeCandidate(state, number, known ? facts : { ...facts, status: "proposed" });
    return { ...next, candidatesTotal: state.candidatesTotal + (known ? 0 : 1) };
  },
  ProposalRefused: (state, { times }) => changeRun(state, { refused: state.run.refused + times }),
  DuplicateProposed: (state) => changeRun(state, { duplicates: state.run.duplicates + 1 }),
  EvaluationFinished: (state, { number, values, status, reason, fidelity, curve, timing, cached, place }) => {
    const failed = status !== "done";
    const changes = { values, status, fidelity, reason, curve, cached, seconds: timing?.seconds ?? 0, ...told(timing) };
    const next = changeCandidate(state, number, changes);
    const counter = place == null ? "evaluations_done" : "promotions_done"; // a network is counted once, whatever its fidelities
    return {
      ...next,
      run: {
        ...next.run,
        [counter]: state.run[counter] + 1,
        evaluations_failed: state.run.evaluations_failed + (failed ? 1 : 0),
        evaluations_cached: state.run.evaluations_cached + (cached ? 1 : 0),
        cost: state.run.cost + (timing?.cost ?? 0),
        best_accuracy: failed ? state.run.best_accuracy : better(values.accuracy, state.run.best_accuracy),
      },
    };
  },
  StepFinished: (state, { cost }) => changeRun(state, { steps_done: state.run.steps_done + 1, cost: state.run.cost + cost }),
  GenerationFinished: (state, { generation, evaluated, hypervolume, front, best, mean, insight, fidelity }, at) => {
    const next = markFront(state, front);
    return {
      ...next,
      generations: [...state.generations, { number: generation, evaluated, hypervolume, front, best, mean, insight, fidelity, at }],
      run: { ...next.run, generation, hypervolume },
    };
  },
  SelectionFinished: (state, selection) => changeRun(markFront(state, selection.front), { chosen_number: selection.chosen, selection }),
  TestMeasured: (state, { number, test_accuracy }) => changeCandidate(state, number, { test_accuracy }),
  SearchFinished: (state, { reason, hypervolume, history_sha256 }) =>
    changeRun(state, { reason, hypervolume, history_sha256, phase: "code" }),
  SearchFailed: (state, { reason }) => changeRun(state, { reason }),
  RepositoryRequested: (state, { number, repository }) => ({ ...state, repositories: [...state.repositories, { number, repository }] }),
};

/** A kind without a rule changes nothing but the log, unless it says under which name it stands in the run. */
function kept(state, { kept_as, payload }) {
  return kept_as ? changeRun(state, { [kept_as]: payload }) : state;
}

/** The state after an event or progress frame; events at or before its seq are dropped. */
export function reduce(state, frame) {
  if (frame.type === "progress") {
    const progress = new Map(state.progress);
    progress.set(frame.evaluator, frame);
    return { ...state, progress };
  }
  if (frame.seq <= state.seq) return state;
  const rule = rules[frame.kind];
  const next = rule ? rule(state, frame.payload, frame.at) : kept(state, frame);
  return { ...next, seq: frame.seq, log: [...state.log, frame].slice(-logLength) };
}
