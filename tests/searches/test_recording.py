"""From events to rows: steps beside evaluations, whatever was cut off."""

import json

import pytest

from searches import invariants, services
from searches.models import SearchRun
from searches.recording import history_jsonl, history_of
from searches.status import Status
from tests.searches.engine.learner import learner
from tests.world import World, spec, work

__all__ = ["learner"]
pytestmark = pytest.mark.django_db


def searched(world: World, *cuts: int, **changes: object) -> SearchRun:
    """A run whose supervisor was lost after so many events, each time."""
    run = services.run_create(project=world.project, spec=spec(**changes), name="steps", by=world.alice)
    for cut in cuts:
        work(run, events=cut)
        SearchRun.objects.filter(pk=run.pk).update(lease_until=None, status=Status.QUEUED)
    work(run)
    run.refresh_from_db()
    return run


def test_steps_are_rows_lines_and_counters(world: World, learner: str) -> None:
    run = searched(world, algorithm="learner", algorithm_options={"fails": 9})
    assert run.status == Status.FINISHED
    assert invariants.broken(run) == []
    assert run.steps.count() == run.steps_done == 6
    assert run.evaluations_done == 12
    assert run.cost == 12 * 100 + 5 * 1000
    assert list(run.steps.filter(status="failed").values_list("number", "reason")) == [(9, "out of memory")]
    assert run.generations.get(number=1).insight == {"steps": 1, "evaluated": 2}  # below 11 - 8
    written = [json.loads(line) for line in history_jsonl(run)][1:]
    assert [entry["number"] for entry in written] == list(range(18))
    assert [entry["number"] for entry in written if entry.get("kind") == "step"] == [0, 3, 6, 9, 12, 15]
    assert all("timing" in entry for entry in written)
    assert [entry["number"] for entry in history_of(run)] == list(range(18))


@pytest.mark.parametrize("cuts", [(5,), (17, 9), (30, 3, 20)])
def test_a_run_with_steps_goes_on_to_the_same_history(world: World, learner: str, cuts: tuple[int, ...]) -> None:
    whole = searched(world, algorithm="learner")
    again = searched(world, *cuts, algorithm="learner")
    assert again.history_sha256 == whole.history_sha256
    assert again.cost == whole.cost
    assert invariants.broken(again) == []
