"""The law of the live page: a snapshot and the events after its seq give what a later snapshot gives."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from searches import services
from searches.evaluation.steps import single_path
from searches.models import SearchRun
from searches.models.status import Status
from searches.selectors.snapshot import snapshot
from searches.supervision.recorder import events_record
from tests.support.formula import supernet_step
from tests.support.world import World, claim, reports_of, spec

pytestmark = pytest.mark.django_db
MODULE = Path(__file__).parents[2] / "static" / "js" / "run" / "state.js"
REDUCE = """async ([source, start, frames]) => {
  const { fromSnapshot, reduce } = await import(source);
  const state = frames.reduce(reduce, fromSnapshot(start));
  return { seq: state.seq, run: state.run, total: state.candidatesTotal,
           generations: state.generations, repositories: state.repositories,
           candidates: [...state.candidates.values()].sort((one, other) => one.number - other.number) };
}"""
LADDER = {"rungs": "1,2", "eta": 2, "proxy": "supernet", "supernet_epochs": 2, "trial_networks": 5}
CLOCKS = ("worked_seconds", "created")  # told by the rows alone


@pytest.fixture
def blank(browser: Browser) -> Iterator[Page]:
    """A page of its own to run the module in."""
    page = browser.new_page()
    yield page
    page.close()


def reduced(page: Page, start: dict[str, Any], frames: list[dict[str, Any]]) -> dict[str, Any]:
    source = "data:text/javascript;base64," + b64encode(MODULE.read_bytes()).decode()
    return comparable(page.evaluate(REDUCE, [source, start, frames]))


def taken(run: SearchRun) -> dict[str, Any]:
    """A snapshot as a browser gets it."""
    state: dict[str, Any] = json.loads(json.dumps(snapshot(run)))
    return state


def expected(state: dict[str, Any]) -> dict[str, Any]:
    kept = {name: state[name] for name in ("seq", "run", "generations", "candidates", "repositories")}
    return comparable(kept | {"total": state["candidates_total"]})


def comparable(state: dict[str, Any]) -> dict[str, Any]:
    """Without clocks; what is unknown is the same as what is not there."""
    run = {name: value for name, value in state["run"].items() if name not in CLOCKS}
    candidates = [
        {name: value for name, value in each.items() if value not in (None, "", False)} for each in state["candidates"]
    ]
    return state | {"run": run, "candidates": candidates}


def known(candidate: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in candidate.items() if value not in (None, "", False)}


def frames_after(run: SearchRun, seq: int) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = json.loads(json.dumps(run.events.after(seq).frames()))
    return frames


@pytest.mark.chain(seconds=6)
@pytest.mark.parametrize("changes", [{}, {"ladder": LADDER}], ids=["plain", "ladder"])
def test_every_event_takes_the_page_where_a_later_snapshot_would(
    blank: Page, world: World, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_path, "perform", supernet_step)
    services.run_cancel(run=world.run, by=world.alice)
    asked = spec(algorithm="nsga2", **changes)
    run = services.run_create(project=world.project, spec=asked, name="watched", by=world.alice)
    first = taken(run)
    held = claim(run)
    kinds = set()
    for report in reports_of(run, fails=frozenset({3})):
        if report.kind == "Progress":
            continue
        before = taken(run)
        events_record(run_id=run.pk, token=held.token, events=[report])
        kinds.add(report.kind)
        assert reduced(blank, before, frames_after(run, before["seq"])) == expected(taken(run)), report.kind
    run.refresh_from_db()
    assert run.status == Status.FINISHED
    assert {"CandidateProposed", "EvaluationFinished", "GenerationFinished", "SelectionFinished"} <= kinds
    assert ({"CandidatePromoted", "SupernetJudged"} <= kinds) == bool(changes)
    assert reduced(blank, first, frames_after(run, first["seq"])) == expected(taken(run))


def test_what_users_do_reaches_the_page_too(blank: Page, world: World) -> None:
    start = taken(world.run)
    services.run_pause(run=world.run, by=world.alice)
    services.run_resume(run=world.run, by=world.bob)
    services.run_cancel(run=world.run, by=world.alice)
    assert reduced(blank, start, frames_after(world.run, start["seq"])) == expected(taken(world.run))


def test_an_event_that_comes_twice_changes_nothing(blank: Page, world: World) -> None:
    state = taken(world.finished)
    assert reduced(blank, state, frames_after(world.finished, 0)) == expected(state)


@pytest.mark.parametrize(
    ("changes", "shown"),
    [
        ({}, {"now": 2, "total": 3}),
        ({"status": "finished", "generation": 2}, {"now": 3, "total": 3}),
        ({"evaluations_done": 24, "generation": 2}, {"now": 3, "total": 3}),  # what is chosen is tested now
        ({"generation": 2}, {"now": 4, "total": None}),  # networks that were proposed twice had places, too
        ({"ladder": {"rungs": "1,3"}}, {"now": 2, "total": None}),
        ({"ladder": {"rungs": "3", "proxy": "synflow"}}, {"now": 2, "total": None}),
    ],
)
def test_how_many_generations_there_will_be_is_said_where_it_is_known(
    blank: Page, changes: dict[str, Any], shown: dict[str, int | None]
) -> None:
    spec = {"algorithm_options": {"population": 10}, "ladder": changes.get("ladder", {"rungs": "", "proxy": ""})}
    run = {"status": "running", "generation": 0, "evaluations_done": 12, "evaluations_total": 24}
    source = "data:text/javascript;base64," + b64encode(MODULE.read_bytes()).decode()
    script = "async ([source, run]) => (await import(source)).generations({ run })"
    assert blank.evaluate(script, [source, run | {"spec": spec} | changes]) == shown


def test_a_kind_without_a_rule_stands_in_the_log_and_where_it_is_kept(blank: Page, world: World) -> None:
    start = taken(world.run)
    frame = {"type": "event", "seq": start["seq"] + 1, "kind": "RecordBroken", "payload": {"number": 3}, "at": ""}
    told = reduced(blank, start, [frame | {"text": "a record"}])
    assert told["run"] == comparable(expected(start))["run"], "nothing but the log changes"
    kept = reduced(blank, start, [frame | {"text": "a record", "kept_as": "record"}])
    assert kept["run"] == told["run"] | {"record": {"number": 3}}
    assert kept["seq"] == frame["seq"]
