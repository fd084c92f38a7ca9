"""A really full disk: database, checkpoints and archive on a small file system, filled to the last byte and freed.

Every other time only the reserve is used up, so that the rows can still say it: the run is paused, "storage full".
Needs the right to mount a tmpfs.
"""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from searches.models import SearchRun
from searches.models.status import OVER, Status
from searches.supervision import disk
from tests.chaos.harness import Stuck, bench, finish, new_run, say, status_of, wait_for
from tests.support import invariants

DISK_BYTES = 96 * 2**20
LEFT_BYTES = 2**24  # half of the reserve that the trial sets: what every other turn leaves
FULL_SECONDS = 8.0  # several leases


@contextmanager
def small_disk(folder: Path) -> Iterator[None]:
    """A file system of its own on this folder."""
    options = f"size={DISK_BYTES},mode=0700"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "nas-chaos", str(folder)], capture_output=True, text=True
    )
    if done.returncode:
        raise Stuck(f"a small file system cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def full_disks(data: Path, times: int, evaluations: int) -> dict[str, Any]:
    """The figures of as many full disks; `paused` counts the runs that said so."""
    began = time.monotonic()
    faults: list[str] = []
    matches = paused = 0
    with bench(data) as (made, project):
        made.start()
        calm = finish(new_run(project, "undisturbed", evaluations=evaluations), made)
        for turn in range(times):
            run = new_run(project, f"full {turn + 1}", evaluations=evaluations)
            wait_for(lambda run=run: run.evaluations.count() >= evaluations // 3, made)  # type: ignore[misc]
            fill(data, 0 if turn % 2 else LEFT_BYTES)
            kept = {(number, fidelity): line for number, fidelity, line in run.lines()}
            if turn % 2:
                time.sleep(FULL_SECONDS)
            else:
                wait_for(lambda run=run: status_of(run) in (Status.PAUSED, *OVER), made)  # type: ignore[misc]
                run.refresh_from_db()
                paused += is_paused(run)
            said = status_of(run)
            (data / "ballast").unlink()
            finish(run, made)
            faults += invariants.broken(run, acknowledged=kept, history_sha256=calm.history_sha256)
            run.refresh_from_db()
            matches += run.history_sha256 == calm.history_sha256
            say(turn=turn + 1, was=said, kept=len(kept), status=run.status, reason=run.reason, faults=faults)
        made.stop()
        left = made.survivors()
    return {
        "kills": times,
        "lost": sum(fault.startswith("I1") for fault in faults),
        "duplicated": sum(fault.startswith("I2") for fault in faults),
        "hash_matches": matches,
        "runs": times,
        "recovery_p95_s": None,
        "orphans": len(left),
        "paused": paused,
        "faults": faults,
        "seconds": round(time.monotonic() - began, 1),
    }


def fill(data: Path, left: int) -> None:
    """A file that takes what is free, but for so many bytes."""
    with (data / "ballast").open("wb") as ballast:
        while (free := disk.free_bytes() - left) > 0:
            with suppress(OSError):  # others were quicker
                os.posix_fallocate(ballast.fileno(), 0, (data / "ballast").stat().st_size + free)


def is_paused(run: SearchRun) -> bool:
    return run.status == Status.PAUSED and run.reason.startswith(disk.STORAGE_FULL)
