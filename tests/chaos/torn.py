"""Everything is killed in the middle of a write, and SQLite's write-ahead log ends at a random byte."""

import os
import time
from pathlib import Path
from random import Random
from typing import Any

import psutil
from django.conf import settings
from django.db import connection

from searches.models import SearchRun
from searches.models.status import OVER
from tests.chaos.harness import Bench, bench, finish, new_run, say, status_of, wait_for
from tests.support import invariants


def torn_logs(data: Path, times: int, evaluations: int, seed: int) -> dict[str, Any]:
    """The figures of as many torn logs; a history must always be the beginning of the undisturbed one."""
    began = time.monotonic()
    random = Random(seed)
    faults: list[str] = []
    matches = 0
    with bench(data) as (made, project):
        made.start()
        calm = finish(new_run(project, "undisturbed", evaluations=evaluations), made)
        whole = [line for _, _, line in sorted(calm.lines())]
        for turn in range(times):
            run = new_run(project, f"torn {turn + 1}", evaluations=evaluations)
            with connection.cursor() as cursor:  # the run itself is safe: what is torn is its history
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            some = random.randrange(1, evaluations)
            wait_for(lambda run=run, some=some: is_beyond(run, some), made)  # type: ignore[misc]
            cut = tear(made, random)
            faults += invariants.bad_rows()
            kept = [line for _, _, line in sorted(run.lines())]
            if kept != whole[: len(kept)]:
                faults.append(f"the history of {run} is not the beginning of the undisturbed one")
            made.start()
            finish(run, made)
            faults += invariants.broken(run, history_sha256=calm.history_sha256)
            run.refresh_from_db()
            matches += run.history_sha256 == calm.history_sha256
            say(turn=turn + 1, log_bytes_kept=cut, kept=len(kept), status=run.status, faults=faults)
        made.stop()
        left = made.survivors()
    return {
        "kills": times,
        # What a cut log lost is done again; lost is what neither the log's beginning nor the end has.
        "lost": sum(fault.startswith(("I1", "the history of")) for fault in faults),
        "duplicated": sum(fault.startswith("I2") for fault in faults),
        "hash_matches": matches,
        "runs": times,
        "recovery_p95_s": None,
        "orphans": len(left),
        "faults": faults,
        "seconds": round(time.monotonic() - began, 1),
    }


def is_beyond(run: SearchRun, evaluations: int) -> bool:
    return run.evaluations.count() >= evaluations or status_of(run) in OVER


def tear(made: Bench, random: Random) -> str:
    """Kills all that write, then cuts the log; says where."""
    connection.close()  # now, while others hold the database: whoever closes it last would empty the log
    processes = [process for members in made.family().values() for process in members]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=10)
    if made.worker is not None:
        made.worker.wait(10)
    log = Path(f"{settings.DATABASES['default']['NAME']}-wal")
    size = log.stat().st_size if log.exists() else 0
    kept = random.randrange(size) if size else 0
    if size:
        os.truncate(log, kept)
    return f"{kept} of {size}"
