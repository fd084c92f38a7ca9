"""Networks of a ladder's lower rungs: extrapolated with an interval, labelled, and never among the measured values."""

import json

import pytest
from django.test import Client

from searches.models import Evaluation, SearchRun
from searches.selectors.extrapolation import ExtrapolatedAccuracy, extrapolated
from tests.support.world import World

PROMOTED = 12


@pytest.fixture
def laddered(world: World) -> SearchRun:
    """A finished run, its evaluations as if they had been made on a ladder of 2 and 6 epochs."""
    run = world.finished
    run.spec = run.spec | {"ladder": {"rungs": "2,6"}}
    run.save(update_fields=["spec"])
    run.evaluations.all().delete()
    candidates = list(run.candidates.order_by("number"))
    while len(candidates) < PROMOTED + 3:
        last = candidates[-1]
        copy = type(last)(**{f.name: getattr(last, f.name) for f in last._meta.fields if f.name != "id"})
        copy.number, copy.fingerprint = last.number + 1, f"{last.number + 1:064d}"
        copy.save()
        candidates.append(copy)
    for place, candidate in enumerate(candidates[: PROMOTED + 3]):
        quality = place / 20
        evaluate(run, candidate, 2, quality)
        if place < PROMOTED:
            evaluate(run, candidate, 6, quality)
    return run


def evaluate(run: SearchRun, candidate: object, epochs: int, quality: float) -> Evaluation:
    curve = [(epoch, 2 - quality - 0.1 * epoch, 0.3 + quality * epoch / epochs) for epoch in range(1, epochs + 1)]
    number: int = candidate.number  # type: ignore[attr-defined]
    return Evaluation.objects.create(
        run=run, candidate=candidate, number=number, fidelity=epochs, fingerprint=candidate.fingerprint,  # type: ignore[attr-defined, misc]
        line=json.dumps({"number": number}), status="done", accuracy=curve[-1][2], curve=curve,
        values={"accuracy": curve[-1][2]}, timing={"convergence_epochs": 1.5, "synflow": 10 + quality},
    )  # fmt: skip


def test_only_what_stopped_below_the_highest_rung_is_extrapolated(laddered: SearchRun) -> None:
    found = extrapolated(laddered)
    below = laddered.evaluations.values_list("number", flat=True).distinct().count() - PROMOTED
    assert len(found) == below == 3
    told = found[max(found)]
    assert (told.fidelity, told.to, told.past) == (2, 6, PROMOTED)
    assert told.low <= told.accuracy <= told.high
    assert told.accuracy == pytest.approx(0.3 + 14 / 20, abs=0.1)


def test_a_run_without_a_ladder_foretells_nothing(world: World) -> None:
    assert extrapolated(world.finished) == {}


def test_a_run_that_kept_no_synflow_is_extrapolated_without_it(laddered: SearchRun) -> None:
    laddered.evaluations.update(timing={})
    assert len(extrapolated(laddered)) == 3


def test_too_few_networks_on_both_rungs_foretell_nothing(laddered: SearchRun) -> None:
    laddered.evaluations.filter(fidelity=6, number__gt=4).delete()
    assert extrapolated(laddered) == {}


def test_pages_label_it(laddered: SearchRun, world: World) -> None:
    client = Client()
    client.force_login(world.alice)
    number, told = max(extrapolated(laddered).items())
    table = client.get(f"/runs/{laddered.pk}/candidates/", {"sort": "-number"}).content.decode()
    assert f"{told} extrapolated to 6" in table
    assert "Extrapolated from 2 to 6 epochs, not measured" in table
    assert "1.5 ep." in table
    assert client.get(f"/runs/{laddered.pk}/candidates/", {"sort": "convergence"}).status_code == 200
    page = client.get(f"/runs/{laddered.pk}/candidates/{number}/").content.decode()
    assert "Extrapolated to 6 epochs" in page


def test_it_is_written_as_an_estimate() -> None:
    told = ExtrapolatedAccuracy(2, 6, 0.8123, 0.79, 0.83, 0.8, 12)
    assert str(told) == "\N{ALMOST EQUAL TO}\N{NARROW NO-BREAK SPACE}81.2 (79.0\N{EN DASH}83.0) %"
