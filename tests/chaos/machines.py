"""Two machines on one PostgreSQL: many runs, each started once; one machine is killed, the other's wire is cut.

The machines are process trees with host names of their own (UTS namespaces); the second one reaches the database
through a relay that can be cut. A run whose machine is away is taken up by the other one, and a late write is refused.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command

from searches import services
from searches.models import SearchRun
from searches.models.status import OVER, Status
from searches.spec import SearchSpec
from tests.chaos.harness import ROOT, SPEC, Stuck, say
from tests.chaos.relay import relay_to
from tests.support import invariants

RUNS, USERS = 20, 4
AWAY_SECONDS = 10.0  # longer than a lease
CUT_SECONDS = 40.0  # so long that the other machine has finished its own run and takes up this one's
LEASE = {"NASPORTAL_LEASE_SECONDS": "4", "NASPORTAL_HEARTBEAT_SECONDS": "1", "NASPORTAL_RUNS_AT_ONCE": "1"}


def two_machines(data: Path) -> dict[str, Any]:
    """The figures; `kills` counts the machine that was killed and the wire that was cut."""
    began = time.monotonic()
    call_command("migrate", verbosity=0)
    runs = queued_runs()
    database = settings.DATABASES["default"]
    with relay_to(int(database["PORT"] or 5432)) as wire:
        address = f"postgres://{database['USER']}@127.0.0.1:{{}}/{database['NAME']}"
        first = machine("machine-a", data, address.format(database["PORT"] or 5432))
        second = machine("machine-b", data, address.format(wire.port))
        try:
            wait_for(lambda: finished() >= RUNS // 4)
            kill_tree(first)
            say(killed="machine-a", finished=finished())
            time.sleep(AWAY_SECONDS)
            first = machine("machine-a", data, address.format(database["PORT"] or 5432))
            wait_for(lambda: finished() >= RUNS // 2)
            wait_for(lambda: SearchRun.objects.filter(lease_owner__startswith="machine-b/", status=Status.RUNNING))
            wire.tell("cut")
            say(cut="machine-b", finished=finished())
            time.sleep(CUT_SECONDS)
            wire.tell("heal")
            wait_for(lambda: finished() == RUNS)
        finally:
            for each in (first, second):
                each.terminate()
                try:
                    each.wait(30)
                except subprocess.TimeoutExpired:
                    kill_tree(each)
    return figures(runs, data) | {"seconds": round(time.monotonic() - began, 1)}


def queued_runs() -> list[SearchRun]:
    """Equal ones, of several users: all have to end with one history."""
    found = []
    for number in range(RUNS):
        user, _ = User.objects.get_or_create(username=f"user-{number % USERS}")
        project = user.projects.first() or services.project_create(owner=user, name="Shared machines")  # type: ignore[attr-defined]
        spec = SearchSpec.from_document(SPEC | {"evaluations": 4})
        found.append(services.run_create(project=project, spec=spec, name=f"run {number}", by=user))
    return found


def machine(name: str, data: Path, database: str) -> "subprocess.Popen[bytes]":
    """`manage.py worker` on a machine of this name."""
    environment = (
        os.environ | LEASE | {"NASPORTAL_DATA": str(data), "DATABASE_URL": database, "NASPORTAL_CACHE_BYTES": "0"}
    )
    environment |= {"DJANGO_SETTINGS_MODULE": "nasportal.settings", "NASPORTAL_SECRET_KEY": "for this trial only"}
    command = ["unshare", "--uts", "sh", "-c", f"hostname {name} && exec {sys.executable} manage.py worker"]
    with (data / f"{name}.log").open("ab") as output:
        return subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )


def kill_tree(process: "subprocess.Popen[bytes]") -> None:
    """The machine loses its power: what is below dies with what is killed."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def finished() -> int:
    return SearchRun.objects.filter(status__in=OVER).count()


def wait_for(what: Callable[[], Any], seconds: float = 600.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        if time.monotonic() > until:
            raise Stuck(f"nothing came of it within {seconds:g} s")
        time.sleep(0.2)


def figures(runs: list[SearchRun], data: Path) -> dict[str, Any]:
    faults: list[str] = []
    hashes: set[str] = set()
    begun = []
    for run in runs:
        run.refresh_from_db()
        faults += invariants.broken(run)
        hashes.add(run.history_sha256)
        told = run.events.filter(kind="StatusChanged", payload__status=Status.RUNNING)
        begun.append(told.filter(payload__reason="").count())
    log = "".join(path.read_text(errors="replace") for path in (data / "log").glob("machine-b-*.log"))
    return {
        "kills": 2,
        "lost": RUNS - sum(run.status == Status.FINISHED for run in runs),
        "duplicated": sum(count != 1 for count in begun),
        "hash_matches": RUNS if len(hashes) == 1 else 0,
        "runs": RUNS,
        "recovery_p95_s": None,
        "orphans": len(list(invariants.survivors(data, {os.getpid()}))),
        "taken_up_again": sum(run.attempt > 1 for run in runs),
        "late_writes_refused": log.count("no longer held under token") + log.count("claimed by another supervisor"),
        "faults": faults,
    }
