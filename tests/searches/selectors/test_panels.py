"""What the tabs of a run page are told, from a finished run that has everything."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from searches.models import SearchRun
from searches.selectors import panels
from searches.selectors.lineage import Lineage
from searches.selectors.run_comparison import RunComparison
from tests.support.showcase import showcase
from tests.support.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(world: World) -> SearchRun:
    shown: SearchRun = showcase(world.project, world.alice, 60)
    return shown


def test_bars_share_a_row_where_one_ended_before_the_next_began() -> None:
    bars: list[dict[str, Any]] = [
        {"number": 0, "ended": 10.0, "seconds": 10.0, "evaluator": None},
        {"number": 1, "ended": 12.0, "seconds": 10.0, "evaluator": None},
        {"number": 2, "ended": 20.0, "seconds": 9.0, "evaluator": None},
        {"number": 3, "ended": 21.0, "seconds": 8.0, "evaluator": 4},
    ]
    assert [bar["row"] for bar in panels.in_rows(bars)] == [0, 1, 0, 4]


def test_the_timeline_has_as_many_rows_as_worked_at_the_same_time(run: SearchRun) -> None:
    told = panels.timeline(run)
    assert told["total"] == len(told["bars"])
    assert max(bar["row"] for bar in told["bars"]) == 3


def test_shares_of_a_generation_add_up_to_one_for_each_kind_of_decision(run: SearchRun) -> None:
    told = panels.space_use(run)
    assert {each["kind"] for each in told["kinds"]} >= {"operation", "width", "depth", "skip"}
    for each in told["kinds"]:
        for column in range(len(told["columns"])):
            assert sum(row[column] for row in each["shares"]) == pytest.approx(1, abs=1e-2)


def test_what_was_promoted_flows_from_rung_to_rung(run: SearchRun) -> None:
    told = panels.ladder(run)
    assert [rung["fidelity"] for rung in told["rungs"]] == [5, 15]
    assert told["moves"] == [{"source": 5, "target": 15, "count": told["rungs"][1]["done"]}]


def test_learning_is_told_in_order(run: SearchRun) -> None:
    told = panels.learning(run)
    assert [step["report"]["epoch"] for step in told["steps"]] == list(range(1, 13))
    assert [stage["payload"]["name"] for stage in told["stages"]] == ["coarse", "fine"]


def test_failures_are_grouped_by_reason(run: SearchRun) -> None:
    groups = panels.failures(run)
    assert sum(group["count"] for group in groups) == run.evaluations_failed
    assert all(len(group["numbers"]) == group["count"] for group in groups)


def test_a_lineage_ends_at_candidates_that_were_drawn_at_random(run: SearchRun) -> None:
    lineage = Lineage.of(run.candidates.get(number=50))
    assert lineage.is_whole
    assert lineage.main_line[0].number == 50
    assert lineage.main_line[-1].parents == []
    assert all(each.parents or each.number < 12 for each in lineage.members.values())
    deeper = [lineage.levels[parent] for parent in lineage.members[50].parents]
    assert all(level >= 1 for level in deeper)


def test_runs_are_compared_in_one_scale(world: World, run: SearchRun) -> None:
    other = showcase(world.project, world.alice, 36, seed=9)
    rows = RunComparison((run, other)).rows
    assert all(0 < row.share < 1 for row in rows if row.share is not None)
    assert sum(is_best for row in rows for _, _, is_best in row.best) >= 3
    alone = RunComparison((run, run))
    assert alone.shares()[0] == alone.shares()[1]


def test_runs_of_different_objectives_are_compared_by_what_both_have(world: World, run: SearchRun) -> None:
    comparison = RunComparison((run, world.finished))
    assert comparison.names == ("accuracy", "params")
    assert comparison.warnings == ["Only objectives that all runs have are compared; left out: latency."]


@pytest.mark.parametrize("person", ["viewer", "stranger"])
def test_parts_of_a_page_are_for_those_who_see_the_run(world: World, run: SearchRun, person: str) -> None:
    client = Client()
    client.force_login(world.people[person])
    paths = [reverse(f"searches:{name}", args=[run.pk]) for name in ("run-question", "run-curves", "run-failures")]
    names = ("timeline", "space", "ladder", "learning", "control")
    paths += [reverse("searches:run-plot", args=[run.pk, name]) for name in names]
    expected = 200 if person == "viewer" else 404
    assert {client.get(path).status_code for path in paths} == {expected}
    page = client.get(reverse("searches:compare-runs"), {"run": [run.pk, world.finished.pk]})
    assert ("Hypervolume (common reference)" in page.content.decode()) == (person == "viewer")
