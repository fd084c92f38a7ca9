"""The database of a portal that was stopped in the middle of its searches, taken up by the next version."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, models
from django.db.migrations.executor import MigrationExecutor
from django.test import Client
from django.utils import timezone

from nasportal.lib.installation import portal_version
from searches import services
from searches.engine.hardware import machine
from searches.models import Candidate, Evaluation, Event, Generation, Progress, SearchRun, Step
from searches.models.status import Status
from searches.supervision import leases
from searches.supervision.supervisor import Outcome, RunSupervisor
from tests.support import formula_engine, invariants
from tests.support.world import World, claim, spec, work

# The last release is 0.1.0; at a new one this becomes what its migrations end with.
RELEASE = [
    ("accounts", "0001_initial"),
    ("codegen", "0001_initial"),
    ("profiling", "0001_initial"),
    ("searches", "0007_stage"),
]
LATER_FIELDS = {"when_away"}  # of a spec
LATER_LADDER_FIELDS = {"promote_by", "final_networks"}
KEPT: list[type[models.Model]] = [SearchRun, Candidate, Evaluation, Step, Generation, Event, Progress]

Rows = list[dict[str, Any]]


@pytest.fixture
def current_schema() -> Iterator[None]:
    """Whatever happens in the test, the database is this version's afterwards."""
    yield
    call_command("migrate", verbosity=0)


def half_done(world: World, name: str) -> SearchRun:
    run = services.run_create(project=world.project, spec=spec(), name=name, by=world.alice)
    work(run, events=30)
    run.refresh_from_db()
    return run


def taken_out(run: SearchRun) -> dict[type[models.Model], Rows]:
    """All its rows, which are in the database no more."""
    found = {kind: list(kind.objects.filter(**{of_run(kind): run.pk}).values()) for kind in KEPT}  # type: ignore[attr-defined]
    SearchRun.objects.filter(pk=run.pk).delete()
    return found


def of_run(kind: type[models.Model]) -> str:
    return "pk" if kind is SearchRun else "run"


def as_in_the_release(document: dict[str, Any]) -> dict[str, Any]:
    """A spec that knows nothing of later fields."""
    ladder = {key: value for key, value in document["ladder"].items() if key not in LATER_LADDER_FIELDS}
    return {key: value for key, value in document.items() if key not in LATER_FIELDS} | {"ladder": ladder}


def migrate_to(targets: list[tuple[str, str]]) -> Any:
    """Moves the schema there and answers with the models of that time."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets)
    return MigrationExecutor(connection).loader.project_state(targets).apps


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_half_done_runs_of_the_last_release_go_on_to_the_same_history(
    world: World, current_schema: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searches.engine.engine_process.COMMAND", formula_engine.COMMAND)
    killed, paused = half_done(world, "killed"), half_done(world, "paused")
    SearchRun.objects.filter(pk=killed.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    services.run_pause(run=paused, by=world.alice)
    assert leases.run_settle(claim=leases.Claim(paused.pk, paused.lease_token)) == Status.PAUSED
    done = [run.evaluations.count() for run in (killed, paused)]
    assert all(0 < count < spec().evaluations for count in done)
    rows = [taken_out(run) for run in (killed, paused)]

    old = migrate_to(RELEASE)
    assert "searches_replay" not in connection.introspection.table_names()
    for run in rows:
        for row in run[SearchRun]:
            row["spec"] = as_in_the_release(row["spec"])
            row["header"] |= {"spec": as_in_the_release(row["header"]["spec"])}
        for kind in KEPT:
            then = old.get_model("searches", kind.__name__)
            known = {field.attname for field in then._meta.concrete_fields}
            then.objects.bulk_create(
                then(**{name: value for name, value in row.items() if name in known}) for row in run[kind]
            )

    call_command("migrate", verbosity=0)
    for run, count in zip((killed, paused), done, strict=True):
        assert run.evaluations.count() == count
    services.run_resume(run=paused, by=world.alice)
    for run in (killed, paused):
        assert RunSupervisor(claim(run)).work() is Outcome.FINISHED
        assert invariants.broken(run, history_sha256=world.finished.history_sha256) == []


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_weights_that_stood_in_columns_of_their_own_are_not_forgotten(world: World, current_schema: None) -> None:
    kept = world.finished.evaluations.with_weights().latest("number")
    there = (kept.weights_path, kept.weights_sha256)
    old = migrate_to([("searches", "0011_lease_processes")]).get_model("searches", "Evaluation").objects.get(pk=kept.pk)
    assert (old.weights_path, old.weights_sha256) == there
    old.files = {}
    old.save()
    call_command("migrate", verbosity=0)
    kept.refresh_from_db()
    assert all(there)
    assert (kept.weights_path, kept.weights_sha256) == there


@pytest.mark.django_db(transaction=True)
def test_a_run_that_goes_on_under_another_version_says_that_its_hash_is_not_comparable(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("searches.engine.engine_process.COMMAND", formula_engine.COMMAND)
    run = services.run_create(project=world.project, spec=spec(), name="upgraded", by=world.alice)
    work(run, events=12)
    run.refresh_from_db()
    SearchRun.objects.filter(pk=run.pk).update(
        lease_until=None, status="queued", header=run.header | {"machine": machine() | {"portal": "0.0.9"}}
    )
    assert RunSupervisor(claim(run)).work() is Outcome.FINISHED
    run.refresh_from_db()
    assert run.header["machine"]["went_on"]["portal"] == portal_version()
    assert run.history_sha256 == world.finished.history_sha256
    client = Client()
    client.force_login(world.alice)
    page = client.get(f"/runs/{run.pk}/").content.decode()
    assert f"began under 0.0.9 of the portal and continues under {portal_version()}" in page
    assert "no longer comparable" not in client.get(f"/runs/{world.finished.pk}/").content.decode()
