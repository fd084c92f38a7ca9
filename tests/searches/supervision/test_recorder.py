"""From events to rows: steps beside evaluations, whatever was cut off."""

import json

import pytest
from django.test import Client

from searches import services
from searches.evaluation.steps import single_path
from searches.models import SearchRun
from searches.models.status import Status
from searches.selectors.history import history_jsonl, history_of
from searches.services.control import control_start
from tests.searches.engine.learner import learner
from tests.support import invariants
from tests.support.formula import supernet_step
from tests.support.world import World, spec, work

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


def test_a_finished_run_starts_its_control_once_at_the_same_counted_cost(world: World) -> None:
    run = searched(world, control=True, algorithm="nsga2")
    control = run.controls.get()
    assert (control.name, control.status, control.created_by) == ("steps (random baseline)", Status.QUEUED, world.alice)
    assert control.spec["algorithm"] == "random_search"
    assert control.spec["control"] is False
    assert control.spec["seed"] == run.spec["seed"]
    told = run.events.get(kind="SearchFinished").payload
    assert control.spec["max_cost"] == told["cost"] > 0
    assert control_start(run=run, cost=1) is None
    work(control)
    control.refresh_from_db()
    assert control.status == Status.FINISHED
    assert control.share_done == 1.0 or control.evaluations_done < control.evaluations_total
    assert invariants.broken(control) == []
    assert not control.controls.exists()


def test_a_ladder_is_kept_with_its_places_and_one_fidelity_on_the_front(world: World) -> None:
    ladder = {"rungs": "1,2", "eta": 2, "final_epochs": 4, "final_seeds": 2}
    whole = searched(world, ladder=ladder, algorithm="nsga2")
    again = searched(world, 20, 25, 30, ladder=ladder, algorithm="nsga2")
    assert again.history_sha256 == whole.history_sha256
    assert invariants.broken(again) == invariants.broken(whole) == []
    assert again.evaluations_done == 12
    assert again.promotions_done == again.evaluations.exclude(place=None).count() >= 6
    front = again.evaluations.filter(is_on_front=True)
    assert set(front.values_list("fidelity", flat=True)) == {4}
    assert sorted(front.values_list("number", flat=True)) == sorted(again.selection["front"])
    assert front.filter(test_accuracy=None).count() == 0
    written = [json.loads(line) for line in history_jsonl(again)][1:]
    assert [(entry["number"], entry["fidelity"]) for entry in written] == sorted(
        (entry["number"], entry["fidelity"]) for entry in written
    )
    events = again.events.filter(kind="CandidatePromoted").values_list("payload__place", flat=True)
    assert list(events) == sorted(set(events))


def test_the_trial_of_a_supernet_is_told_once_and_stays_with_the_run(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(single_path, "perform", supernet_step)
    ladder = {"rungs": "1,2", "eta": 2, "proxy": "supernet", "supernet_epochs": 2, "trial_networks": 5}
    whole = searched(world, ladder=ladder, algorithm="nsga2")
    again = searched(world, 12, 33, 20, ladder=ladder, algorithm="nsga2")
    assert again.history_sha256 == whole.history_sha256
    assert invariants.broken(again) == invariants.broken(whole) == []
    assert again.supernet == whole.supernet == again.events.get(kind="SupernetJudged").payload
    assert (again.supernet["is_trusted"], again.supernet["tau"], again.supernet["networks"]) == (True, 1.0, 5)
    scored = again.evaluations.filter(fidelity=0)
    assert scored.count() == again.evaluations_done == 12
    assert scored.exclude(accuracy=None).count() == 0  # it is no accuracy
    assert not scored.filter(is_on_front=True).exists()
    client = Client()
    client.force_login(world.alice)
    assert client.get(f"/api/v1/runs/{again.pk}/").json()["supernet"] == again.supernet
