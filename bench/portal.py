"""The run page at size, beside optuna-dashboard with the same candidates; and what live events cost.

    make bench BENCH=portal              seeds a data folder, starts the portal, measures in Chromium
    NASPORTAL_BENCH_SIZES=10000,100000   candidates of the runs
    NASPORTAL_BENCH_DATA=FOLDER          keeps the data folder, and takes up what is in it
    NASPORTAL_BENCH_OTHERS=0             without optuna-dashboard, which takes three quarters of the time

Absolute times are of this machine; the ratio to optuna-dashboard, in the same run, is not.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

from tests.support.portal import Portal, free_port, running_portal, wait_until

SIZES = tuple(int(size) for size in os.environ.get("NASPORTAL_BENCH_SIZES", "10000,100000").split(","))
PATIENCE_MS = 45_000  # after that a page counts as unusable
THEIR_PATIENCE_SECONDS = 300.0  # of optuna-dashboard's server, which prepares all trials before its page draws any
OPTIONS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
FEED_SECONDS, FEED_RATE = 8, 40  # events that pour in while redraws are counted
SPARSE_SECONDS, SPARSE_RATE = 20, 2  # results of a busy search while delays are measured
SOCKETS = 20
# As the portal's run has them; and two, since with three or more its server compares every pair of trials in Python.
STUDIES = (("accuracy", "latency", "params"), ("accuracy", "latency"))
# Its empty frames come seconds before their points.
POINTS_THERE = """() => [...document.querySelectorAll('.js-plotly-plot')]
  .some((plot) => (plot.calcdata ?? []).some((points) => points.length > 100))"""


def run() -> dict[str, Any]:
    from playwright.sync_api import sync_playwright

    kept = os.environ.get("NASPORTAL_BENCH_DATA")
    folder = Path(kept or tempfile.mkdtemp(prefix="bench-portal-"))
    (folder / "portal").parent.mkdir(parents=True, exist_ok=True)
    try:
        with running_portal(folder / "portal") as portal, sync_playwright() as playwright:
            executable = shutil.which("chromium") or shutil.which("chromium-browser")
            browser = playwright.chromium.launch(executable_path=executable, args=OPTIONS)
            runs = {size: seeded(portal, size) for size in SIZES}
            cookie = ask(portal, "session")
            found = {str(size): of_size(portal, browser, cookie, run, size, folder) for size, run in runs.items()}
            live = live_events(portal, browser, cookie, runs[min(runs)])
            browser.close()
        return {"sizes": found, "live": live}
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def ask(portal: Portal, *words: str) -> Any:
    """One of the commands below, in a process of its own that has the portal's settings."""
    command = [sys.executable, "-m", "bench.portal", *words]
    answer = subprocess.run(command, env=portal.environment, capture_output=True, text=True, check=True)
    return json.loads(answer.stdout)


def seeded(portal: Portal, size: int) -> int:
    return int(ask(portal, "seed", str(size)))


def of_size(portal: Portal, browser: Any, cookie: str, run: int, size: int, folder: Path) -> dict[str, Any]:
    print(f"  {size:,} candidates …", file=sys.stderr)
    queries = ask(portal, "queries", str(run))
    ours = our_page(portal, browser, cookie, run)
    rows = portal.data / "nasportal.sqlite3"
    studies = STUDIES if os.environ.get("NASPORTAL_BENCH_OTHERS") != "0" else ()
    theirs = {f"{len(names)} objectives": optuna_page(browser, folder, rows, run, size, names) for names in studies}
    ratios = {
        title: round(each["usable_ms"] / ours["usable_ms"], 1) for title, each in theirs.items() if each["usable_ms"]
    }
    return {"portal": ours | queries, "optuna_dashboard": theirs, "times_quicker": ratios}


def signed_in(portal: Portal, browser: Any, cookie: str) -> Any:
    context = browser.new_context(base_url=portal.address, viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": f"nasportal_session_{portal.port}", "value": cookie, "url": portal.address}])
    return context


def our_page(portal: Portal, browser: Any, cookie: str, run: int) -> dict[str, Any]:
    """Usable: the front is drawn and the chosen candidate's figures are there. Median of three loads."""
    context = signed_in(portal, browser, cookie)
    page = context.new_page()
    times = []
    for _ in range(3):
        page.goto("about:blank")
        started = time.perf_counter()
        page.goto(f"/runs/{run}/", wait_until="commit")
        page.locator("#pareto .scatterlayer .point").first.wait_for(timeout=PATIENCE_MS)
        page.locator("#chosen [data-chosen]").wait_for(timeout=PATIENCE_MS)
        times.append(1e3 * (time.perf_counter() - started))
    shown = page.locator("#pareto [data-count]").inner_text()
    table = [
        _clicked(page, "#tab-candidates", "#candidates-table [data-number]"),
        _clicked(page, "#candidates-table th:nth-child(4) a.sort", "#candidates-table th:nth-child(4)[aria-sort]"),
    ]
    heap = page.evaluate("performance.memory?.usedJSHeapSize ?? 0")
    context.close()
    return {
        "usable_ms": round(median(times)),
        "plot_says": shown,
        "table_ms": round(table[0]),
        "sort_ms": round(table[1]),
        "heap_mb": round(heap / 1e6),
    }


def _clicked(page: Any, what: str, until: str) -> float:
    started = time.perf_counter()
    page.locator(what).first.click()
    page.locator(until).first.wait_for(timeout=PATIENCE_MS)
    return 1e3 * (time.perf_counter() - started)


# Live events


def live_events(portal: Portal, browser: Any, cookie: str, run: int) -> dict[str, Any]:
    """Redraws while results pour in; and how long one is on its way to twenty sockets and to its dot."""
    context = signed_in(portal, browser, cookie)
    page = context.new_page()
    page.goto(f"/runs/{run}/")
    page.locator("#pareto .scatterlayer .point").first.wait_for(timeout=PATIENCE_MS)
    page.evaluate("""() => {
      globalThis.drawn = new Map();
      const { react } = Plotly;
      Plotly.react = (box, ...rest) => { drawn.set(box, (drawn.get(box) ?? 0) + 1); return react(box, ...rest); };
    }""")
    ask(portal, "feed", str(run), str(FEED_SECONDS), str(FEED_RATE))
    page.wait_for_timeout(1500)
    redraws = page.evaluate("Math.max(...drawn.values())") / (FEED_SECONDS + 1.5)
    page.evaluate(
        """([path, count]) => {
      globalThis.delays = [];
      globalThis.dots = [];
      for (let index = 0; index < count; index += 1) {
        const socket = new WebSocket(`ws://${location.host}${path}`);
        socket.onmessage = ({ data }) => {
          const frame = JSON.parse(data);
          if (frame.kind === "EvaluationFinished") delays.push(Date.now() - Date.parse(frame.at));
        };
      }
      const { react } = Plotly;
      const seen = new Map();
      const noted = new Set();
      const socket = new WebSocket(`ws://${location.host}${path}`);
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.kind === "EvaluationFinished") seen.set(frame.payload.number, Date.parse(frame.at));
      };
      const note = (number) => {
        if (seen.has(number) && !noted.has(number)) { noted.add(number); dots.push(Date.now() - seen.get(number)); }
      };
      Plotly.react = async (box, data, ...rest) => {
        const answer = await react(box, data, ...rest);
        if (box.closest("#pareto")) data.flatMap((trace) => trace.customdata ?? []).forEach(note);
        return answer;
      };
      // A new point is marked before plotly draws all anew; two frames later it was painted.
      new MutationObserver((changes) => {
        const added = changes.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node.matches?.(".sketch"));
        const numbers = added.map(({ dataset }) => Number(dataset.number));
        if (numbers.length) requestAnimationFrame(() => requestAnimationFrame(() => numbers.forEach(note)));
      }).observe(document.querySelector("#pareto .plot"), { childList: true, subtree: true });
    }""",
        [f"/ws/runs/{run}/", SOCKETS - 2],
    )
    page.wait_for_timeout(4000)
    ask(portal, "feed", str(run), str(SPARSE_SECONDS), str(SPARSE_RATE))
    page.wait_for_timeout(1500)
    delays, dots = sorted(page.evaluate("delays")), sorted(page.evaluate("dots"))
    context.close()
    return {
        "events_a_second": FEED_RATE,
        "redraws_a_second": round(redraws, 2),
        "sockets": SOCKETS,
        "event_to_socket_p95_ms": percentile(delays, 0.95),
        "event_to_dot_p50_ms": percentile(dots, 0.5),
        "event_to_dot_p95_ms": percentile(dots, 0.95),
        "dots": len(dots),
    }


def percentile(values: list[float], share: float) -> float | None:
    return values[min(len(values) - 1, int(share * len(values)))] if values else None


# optuna-dashboard


def optuna_page(browser: Any, folder: Path, ours: Path, run: int, size: int, names: tuple[str, ...]) -> dict[str, Any]:
    """Usable: its study page has drawn a first plot's points. None with the reason where it has not in the patience.

    Its page draws nothing before its server has answered with all trials: that answer is waited for and timed first,
    so the page is opened while the server knows them already.
    """
    from playwright.sync_api import Error as PlaywrightError

    storage = folder / f"optuna-{size}-{len(names)}.sqlite3"
    if not storage.exists():
        copy_to_optuna(ours, run, storage, names)
    with dashboard(storage) as address:
        answer = all_trials(address)
        if answer["server_seconds"] is None:
            return {"usable_ms": None, **answer}
        context = browser.new_context(base_url=address, viewport={"width": 1440, "height": 900})
        page = context.new_page()
        crashed: list[bool] = []
        page.on("crash", lambda _: crashed.append(True))
        times: list[float] = []
        try:
            for _ in range(3 if size <= 10_000 else 1):
                page.goto("about:blank")
                started = time.perf_counter()
                page.goto("/dashboard/studies/1", wait_until="commit")
                page.wait_for_function(POINTS_THERE, timeout=1e3 * THEIR_PATIENCE_SECONDS)
                times.append(1e3 * (time.perf_counter() - started))
        except PlaywrightError as error:  # a timeout or a crash of the page: that is the finding
            context.close()
            why = "its page crashed" if crashed else f"no points within {THEIR_PATIENCE_SECONDS:.0f} s: {error}"[:200]
            return {"usable_ms": None, "why": why, **answer}
        heap = page.evaluate("performance.memory?.usedJSHeapSize ?? 0")
        context.close()
    return {"usable_ms": round(median(times)), "heap_mb": round(heap / 1e6), **answer}


def all_trials(address: str) -> dict[str, Any]:
    """How long its server takes for the document that its page needs, and how large that is."""
    import urllib.request

    started = time.perf_counter()
    try:
        with urllib.request.urlopen(f"{address}/api/studies/1?after=0", timeout=THEIR_PATIENCE_SECONDS) as answer:
            size = len(answer.read())
    except OSError as error:
        return {"server_seconds": None, "why": f"its server gave no trials in {THEIR_PATIENCE_SECONDS:.0f} s: {error}"}
    return {"server_seconds": round(time.perf_counter() - started, 1), "trials_mb": round(size / 1e6, 1)}


def copy_to_optuna(ours: Path, run: int, path: Path, names: tuple[str, ...]) -> None:
    """The same candidates as a study of Optuna's, by its own tables: its API takes 90 ms a trial."""
    import optuna
    from optuna.distributions import CategoricalDistribution, distribution_to_json
    from optuna.storages._rdb import models
    from sqlalchemy import create_engine, insert

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    directions: list[Any] = ["maximize" if name == "accuracy" else "minimize" for name in names]
    optuna.create_study(storage=f"sqlite:///{path}", study_name="same", directions=directions)
    with sqlite3.connect(ours) as rows:
        query = """select e.number, e."values", c.genotype from searches_evaluation e join searches_candidate c
                   on c.id = e.candidate_id where e.run_id = ? and e.status = 'done' and e.fidelity = 5"""
        found = [(number, json.loads(v), json.loads(g)) for number, v, g in rows.execute(query, [run])]
    when = datetime.now()
    choices = distribution_to_json(CategoricalDistribution(tuple(range(8))))
    trials, values, params = [], [], []
    for key, (_, measured, genotype) in enumerate(found, 1):
        trials.append(
            {"trial_id": key, "number": key - 1, "study_id": 1, "state": "COMPLETE", "datetime_start": when}
            | {"datetime_complete": when}
        )
        for place, name in enumerate(names):
            values.append({"trial_id": key, "objective": place, "value": measured[name], "value_type": "FINITE"})
        for place, choice in enumerate(genotype[:6]):
            params.append(
                {"trial_id": key, "param_name": f"decision {place}", "param_value": choice % 8}
                | {"distribution_json": choices}
            )
    with create_engine(f"sqlite:///{path}").begin() as connection:
        for model, listed in (
            (models.TrialModel, trials),
            (models.TrialValueModel, values),
            (models.TrialParamModel, params),
        ):
            connection.execute(insert(model.__table__), listed)


@contextmanager
def dashboard(storage: Path) -> Iterator[str]:
    import urllib.request

    port = free_port()
    command = [str(Path(sys.executable).parent / "optuna-dashboard"), f"sqlite:///{storage}", "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def answers() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/studies", timeout=60):
                return True
        except OSError:
            return False

    try:
        wait_until(answers, 120)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


# Commands that run with the portal's settings


def seed(size: str) -> int:
    from django.contrib.auth.models import User

    from searches import services
    from searches.models import Project
    from tests.support.showcase import showcase

    owner = User.objects.earliest("pk")
    project = Project.objects.filter(name="Bench").first() or services.project_create(owner=owner, name="Bench")
    name = f"{int(size):,} candidates"
    there = project.runs.filter(name=name).first()
    return int((there or showcase(project, owner, int(size), name=name)).pk)


def session() -> str:
    """A cookie of the first account."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import User
    from django.contrib.sessions.backends.db import SessionStore

    user = User.objects.earliest("pk")
    store = SessionStore()
    store[SESSION_KEY] = str(user.pk)
    store[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return str(store.session_key)


def queries(run: str) -> dict[str, Any]:
    """The most queries and the most seconds of any page or part of a page."""
    from django.contrib.auth.models import User
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    client = Client(HTTP_HOST="localhost")
    client.force_login(User.objects.earliest("pk"))
    parts = ["", "snapshot/", "candidates/", "candidates/?sort=-latency&page=200", "choose/", "question/", "curves/"]
    parts += ["failures/", *(f"plots/{name}/" for name in ("timeline", "space", "ladder", "learning", "control"))]
    most, slowest = 0, (0.0, "")
    for part in parts:
        started = time.perf_counter()
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(f"/runs/{run}/{part}")
        assert answer.status_code == 200, (part, answer.status_code)
        most = max(most, len(captured))
        slowest = max(slowest, (time.perf_counter() - started, part or "page"))
    return {"most_queries": most, "slowest_part": slowest[1], "slowest_part_ms": round(1e3 * slowest[0])}


def feed(run: str, seconds: str, rate: str) -> int:
    """Results of new candidates, committed as a supervisor does: rows and events in one transaction."""
    from django.db import transaction
    from django.db.models import Max
    from django.utils import timezone

    from searches.models import Candidate, Evaluation, Event, SearchRun

    shown = SearchRun.objects.get(pk=run)
    first = shown.candidates.aggregate(last=Max("number"))["last"] + 1
    model = shown.candidates.earliest("number")
    values = {"accuracy": 0.9, "latency": 1.0, "params": 50_000.0}
    count = int(float(seconds) * float(rate))
    started = time.perf_counter()
    for number in range(first, first + count):
        facts = {"number": number, "fingerprint": f"{number:032x}", "genotype": model.genotype, "parents": []}
        facts |= {"change": "fed", "params": 50_000, "macs": 10**6, "memory_bytes": 10**4, "generation": 10**6}
        result = {"number": number, "fidelity": 5, "values": values, "status": "done", "reason": "", "curve": []}
        with transaction.atomic():
            seq = SearchRun.objects.values_list("seq", flat=True).get(pk=shown.pk)
            SearchRun.objects.filter(pk=shown.pk).update(seq=seq + 2, evaluations_done=number)
            candidate = Candidate.objects.create(run=shown, graph=model.graph, **facts)
            Evaluation.objects.create(
                run=shown, candidate=candidate, number=number, fidelity=5, fingerprint=facts["fingerprint"],
                line=json.dumps({"number": number, "fidelity": 5}), status="done", values=values, accuracy=0.9,
            )  # fmt: skip
            at = timezone.now()
            told = (("CandidateProposed", facts), ("EvaluationFinished", result | {"cached": False, "timing": {}}))
            Event.objects.bulk_create(
                Event(run=shown, seq=seq + 1 + place, kind=kind, payload=payload, at=at)
                for place, (kind, payload) in enumerate(told)
            )
        time.sleep(max(0.0, started + (number - first + 1) / float(rate) - time.perf_counter()))
    return count


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nasportal.settings")
    import django

    django.setup()
    command = {"seed": seed, "session": session, "queries": queries, "feed": feed}[sys.argv[1]]
    print(json.dumps(command(*sys.argv[2:])))
