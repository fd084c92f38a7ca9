"""The data folder as this version's portal opens it: its pages are looked at, and its paused run goes on."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from searches import services
from searches.models import Project, Replay, SearchRun
from searches.models.status import Status
from searches.supervision.supervisor import RunSupervisor
from tests.support import formula_engine, invariants
from tests.support.world import claim

OF_RUN = ("run", "candidates", "run-curves", "run-failures", "run-snapshot", "run-history", "run-csv")
OF_CANDIDATE = ("candidate", "candidate-panel", "candidate-files")
OF_PROJECT = ("project", "templates", "activity")
ALONE = ("home", "projects", "replays", "notices")


def opened() -> dict[str, Any]:
    """What was seen before and after the paused run went on."""
    call_command("migrate", verbosity=0)
    user = User.objects.get()
    client = Client(headers={"host": "localhost"}, raise_request_exception=False)
    client.force_login(user)
    before = looked_at(client)
    outcome, faults = resumed(SearchRun.objects.get(status=Status.PAUSED), user)
    return {
        "before": before,
        "outcome": outcome,
        "after": looked_at(client),
        "faults": faults,
        "hashes": dict(SearchRun.objects.values_list("name", "history_sha256")),
    }


def looked_at(client: Client) -> dict[str, list[Any]]:
    """Status and text of every page, by its address."""
    found = {}
    for address in addresses():
        response = client.get(address)
        content = b"".join(response) if response.streaming else response.content
        found[address] = [response.status_code, content.decode()]
    return found


def addresses() -> Iterator[str]:
    yield from (reverse(f"searches:{name}") for name in ALONE)
    for project in Project.objects.all():
        yield from (reverse(f"searches:{name}", args=[project.slug]) for name in OF_PROJECT)
    for run in SearchRun.objects.all():
        yield from (reverse(f"searches:{name}", args=[run.pk]) for name in OF_RUN)
        yield reverse("api:run-detail", args=[run.pk])
        number = run.evaluations.latest("fidelity", "number").number  # a network that was trained
        yield from (reverse(f"searches:{name}", args=[run.pk, number]) for name in OF_CANDIDATE)
    yield from (reverse("searches:replay", args=[replay.pk]) for replay in Replay.objects.all())


def resumed(run: SearchRun, user: User) -> tuple[str, list[str]]:
    """The outcome, and what is broken afterwards; nothing that was there may be lost."""
    kept = {(number, fidelity): line for number, fidelity, line in run.lines()}
    services.run_resume(run=run, by=user)
    with patch("searches.engine.engine_process.COMMAND", formula_engine.COMMAND):
        outcome = RunSupervisor(claim(run)).work()
    faults = invariants.broken(run, acknowledged=kept)
    others = SearchRun.objects.exclude(pk=run.pk)
    return outcome.name, faults + [fault for other in others for fault in invariants.broken(other)]
