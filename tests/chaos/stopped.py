"""PostgreSQL is stopped for all, and its backends are killed in the middle of transactions.

The worker reaches the server through a relay that closes its connections and takes no others for a while. Backends are
ended by `pg_terminate_backend`, of those that are in a transaction at this moment.
"""

import time
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection

from searches.models import SearchRun
from searches.models.status import OVER
from tests.chaos.harness import Bench, Stuck, bench, engine_seq, finish, new_run, say, status_of, wait_for
from tests.chaos.relay import relay_to
from tests.support import invariants

BACKENDS = 5  # killed during one run
LOOK_SECONDS = 0.3  # without a pause: a transaction lasts some milliseconds
END_ONE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction' LIMIT 1
"""


def stopped_server(data: Path, seconds: float, evaluations: int) -> dict[str, Any]:
    """The figures of one run whose server is stopped, and of one whose backends are killed."""
    if connection.vendor != "postgresql":
        raise Stuck("DATABASE_URL must name an empty PostgreSQL database: SQLite has no server to stop")
    began = time.monotonic()
    database = settings.DATABASES["default"]
    password = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
    faults: list[str] = []
    matches = 0
    with relay_to(int(database["PORT"] or 5432)) as wire:
        address = f"postgres://{database['USER']}{password}@127.0.0.1:{wire.port}/{database['NAME']}"
        with bench(data, DATABASE_URL=address) as (made, project):
            made.start()
            calm = finish(new_run(project, "undisturbed", evaluations=evaluations), made)
            run = new_run(project, "server stopped", evaluations=evaluations)
            kept = some_of(run, made, evaluations)
            wire.tell("refuse")
            time.sleep(seconds)
            wire.tell("heal")
            before, healed = engine_seq(run), time.monotonic()
            wait_for(lambda: engine_seq(run) > before or status_of(run) in OVER, made)
            recovery = time.monotonic() - healed
            hurt = [(run, kept)]
            run = new_run(project, "backends killed", evaluations=evaluations)
            kept = some_of(run, made, evaluations)
            killed = sum(end_one(run, made) for _ in range(BACKENDS))
            hurt.append((run, kept))
            for run, kept in hurt:
                finish(run, made)
                faults += invariants.broken(run, acknowledged=kept, history_sha256=calm.history_sha256)
                matches += run.history_sha256 == calm.history_sha256
                say(run=run.name, kept=len(kept), status=run.status, reason=run.reason, faults=faults)
            made.stop()
    left = made.survivors()  # the relay is none
    return {
        "kills": 1 + killed,
        "lost": sum(fault.startswith("I1") for fault in faults),
        "duplicated": sum(fault.startswith("I2") for fault in faults),
        "hash_matches": matches,
        "runs": len(hurt),
        "recovery_p95_s": round(recovery, 2),
        "orphans": len(left),
        "faults": faults,
        "seconds": round(time.monotonic() - began, 1),
    }


def some_of(run: SearchRun, made: Bench, evaluations: int) -> dict[tuple[int, int], str]:
    """What was acknowledged once a third is done."""
    wait_for(lambda: run.evaluations.count() >= max(1, evaluations // 3), made)
    return {(number, fidelity): line for number, fidelity, line in run.lines()}


def end_one(run: SearchRun, made: Bench) -> bool:
    """Cuts a transaction off and waits until the engine says something again; False when the run was over before."""
    before = engine_seq(run)
    wait_for(lambda: cut_off() or status_of(run) in OVER, made)
    is_cut = status_of(run) not in OVER
    wait_for(lambda: engine_seq(run) > before or status_of(run) in OVER, made)
    return is_cut


def cut_off() -> bool:
    until = time.monotonic() + LOOK_SECONDS
    with connection.cursor() as cursor:
        while time.monotonic() < until:
            cursor.execute(END_ONE)
            if cursor.fetchone():
                return True
    return False
