/* The run page: one state, reduced from snapshot and events; each part of the page shows what it needs of it. */
import { CandidatesTable } from "./candidates.js";
import { Choosing } from "./choosing.js";
import { Chosen } from "./chosen.js";
import { Connection } from "./connection.js";
import { Curves } from "./curves.js";
import { Evaluators } from "./evaluators.js";
import { EventLog } from "./event-log.js";
import { Fragment } from "./fragments.js";
import { FrontTable } from "./front-table.js";
import { Header } from "./header.js";
import { Insight } from "./insight.js";
import { Ladder } from "./ladder.js";
import { Learning } from "./learning.js";
import { Measures } from "./measures.js";
import { Parallel } from "./parallel.js";
import { ParetoPlot } from "./pareto.js";
import { Phases } from "./phases.js";
import { Questions } from "./questions.js";
import { Selected } from "./selected.js";
import { SpaceUse } from "./space-use.js";
import { Timeline } from "./timeline.js";
import { fromSnapshot, reduce } from "./state.js";

const drawPause = 100; // ms: words and new points follow at once; plots redraw themselves at most twice a second

const page = document.getElementById("run");
const json = (id) => JSON.parse(document.getElementById(id).textContent);
const measures = new Measures(json("measures"));
const part = (selector) => page.querySelector(selector);
const plotUrl = (name) => page.dataset.plots.replace("NAME", name);
let state = null;
let timer = null;
let drawnAt = -Infinity;

const header = new Header(page);
const choose = (number, how) => chosen.choose(number, how);
const selected = new Selected(part("[data-selected]"));
const pareto = new ParetoPlot(part("#pareto"), measures, { onChoose: (number) => choose(number), onSelect: (numbers) => selected.take(numbers), limits: json("limits") });
const chosen = new Chosen(part("#chosen"), page.dataset.runUrl, { onChange: (number) => pareto.choose(number) });
const table = new CandidatesTable(part("#candidates-table"), part("#panel-candidates"));
const choosing = new Choosing(part("#choosing"), { onChoose: choose });
const learning = new Learning(part("#panel-algorithms"), plotUrl("learning"));
const parts = [
  header,
  new Phases(page),
  pareto,
  table,
  new FrontTable(part("#front-twin"), measures, { onChoose: (number) => choose(number) }),
  choosing,
  new Curves(page, measures),
  new Evaluators(part("[data-now]")),
  new EventLog(part("[data-event-log]"), part("#panel-events"), page.dataset.events),
  new Parallel(part("#parallel"), measures),
  new Insight(part("#insight")),
  new Ladder(part("#ladder"), plotUrl("ladder")),
  learning,
  new SpaceUse(part("#space"), plotUrl("space")),
  new Timeline(part("#gantt"), plotUrl("timeline"), { onChoose: (number) => choose(number) }),
  new Fragment(part("[data-curves]"), ({ run }) => `${run.evaluations_done}/${run.generation}`),
  new Fragment(part("[data-failures]"), ({ run }) => String(run.evaluations_failed)),
];
new Questions(document.getElementById("questions"), part("[data-questions]"), { onChoose: choose, onWeights: (weights) => choosing.showWeights(weights) });

/** Many frames of one moment become one update of the page. */
function draw() {
  timer = null;
  drawnAt = performance.now();
  for (const each of parts) each.show(state);
}

function showSoon() {
  timer ??= setTimeout(() => requestAnimationFrame(draw), Math.max(0, drawnAt + drawPause - performance.now()));
}

/** Without a choice of the user's the page follows the search's own, and until that is known the knee of the front so far. */
function followTheSearch(before) {
  const { chosen_number: number, generation, front_size: size } = state.run;
  if (new URLSearchParams(location.search).has("candidate")) return;
  if (number !== null) {
    if (number !== before?.run.chosen_number) chosen.choose(number, { byUser: false });
  } else if (size > 0 && generation !== before?.run.generation) choosing.knee({ byUser: false });
}

/** The panel of what is chosen is read again when its figures may have changed. */
function keepPanel(frame) {
  const { kind, payload } = frame;
  const mine = payload?.number === chosen.number && ["EvaluationFinished", "TestMeasured"].includes(kind);
  if (mine || kind === "SelectionFinished") chosen.refresh();
}

function take(frame) {
  const before = state;
  if (frame.type === "gone") return;
  if (frame.type === "snapshot") {
    state = fromSnapshot(frame);
    header.restart();
  } else if (state !== null) {
    state = reduce(state, frame);
    if (state !== before) keepPanel(frame);
    if (state !== before && frame.type === "event") learning.hear(frame);
  }
  if (state === null || state === before) return;
  followTheSearch(before);
  showSoon();
}

part("[data-show-failed]").addEventListener("click", () => table.filter("failed"));
if (page.dataset.selected) chosen.choose(Number(page.dataset.selected), { byUser: false });
new Connection({
  socket: page.dataset.socket,
  snapshot: page.dataset.snapshot,
  events: page.dataset.events,
  onFrame: take,
  onState: (connection) => header.connection(connection),
}).open();
