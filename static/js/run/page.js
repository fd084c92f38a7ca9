/* The run page: one state, reduced from snapshot and events; each part of the page shows what it needs of it. */
import { CandidatesTable } from "./candidates.js";
import { Choosing } from "./choosing.js";
import { Chosen } from "./chosen.js";
import { Connection } from "./connection.js";
import { Curves } from "./curves.js";
import { Evaluators } from "./evaluators.js";
import { EventLog } from "./event-log.js";
import { FrontTable } from "./front-table.js";
import { Header } from "./header.js";
import { Measures } from "./measures.js";
import { ParetoPlot } from "./pareto.js";
import { fromSnapshot, reduce } from "./state.js";

const page = document.getElementById("run");
const measures = new Measures(JSON.parse(document.getElementById("measures").textContent));
const part = (selector) => page.querySelector(selector);
let state = null;
let drawing = false;

const header = new Header(page);
const pareto = new ParetoPlot(part("#pareto"), measures, { onChoose: (number) => chosen.choose(number) });
const chosen = new Chosen(part("#chosen"), page.dataset.runUrl, { onChange: (number) => pareto.choose(number) });
const table = new CandidatesTable(part("#candidates-table"), part("#panel-candidates"));
const choosing = new Choosing(part("#choosing"), { onChoose: (number, how) => chosen.choose(number, how) });
const parts = [
  header,
  pareto,
  table,
  new FrontTable(part("#front-twin"), measures, { onChoose: (number) => chosen.choose(number) }),
  choosing,
  new Curves(page),
  new Evaluators(part("[data-now]")),
  new EventLog(part("[data-event-log]"), part("#panel-events"), page.dataset.events),
];

/** Many frames of one moment become one update of the page. */
function draw() {
  drawing = false;
  for (const each of parts) each.show(state);
}

function showSoon() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(draw);
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
