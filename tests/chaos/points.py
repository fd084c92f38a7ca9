"""A run for each named crash point and each pass of it: the n-th for n = 1, 2, 3 … until none fires any more."""

import time
from pathlib import Path
from typing import Any

from tests.chaos.harness import bench, finish, new_run, say
from tests.support import invariants

SLICE_SECONDS = "15"  # on a busy machine an engine has nothing to show before ten
POINTS = (
    "claimed",
    "engine-start",
    "before-commit",
    "after-commit",
    "enqueue",
    "event",
    "epoch",
    "checkpoint-write",
    "checkpoint-rename",
    "checkpoint-renamed",
)


def every_point(data: Path, most: int, evaluations: int) -> dict[str, Any]:
    """The figures of all runs; `kills` counts the points that fired."""
    began = time.monotonic()
    faults: list[str] = []
    kills = runs = matches = orphans = 0
    with bench(data) as (made, project):
        made.start()
        calm = finish(new_run(project, "undisturbed", evaluations=evaluations), made)
        made.stop()
        for point in POINTS:
            for turn in range(1, most + 1):
                folder = data / "passes" / f"{point}-{turn}"
                folder.mkdir(parents=True)
                armed = {"NASPORTAL_CRASH_POINT": f"{point}:{turn}", "NASPORTAL_CRASH_FOLDER": str(folder)}
                if point in ("claimed", "engine-start", "enqueue"):
                    armed["CHAOS_SLICE_SECONDS"] = SLICE_SECONDS  # passed by once a slice
                made.start(**armed)
                run = finish(new_run(project, f"{point} {turn}", evaluations=evaluations), made, **armed)
                made.stop()
                passes = (folder / point).stat().st_size if (folder / point).exists() else 0
                runs += 1
                matches += run.history_sha256 == calm.history_sha256
                faults += invariants.broken(run, history_sha256=calm.history_sha256)
                orphans += len(made.survivors())
                say(point=point, turn=turn, passes=passes, status=run.status, faults=faults)
                if passes < turn:
                    break
                kills += 1
    return {
        "kills": kills,
        "lost": sum(fault.startswith("I1") for fault in faults),
        "duplicated": sum(fault.startswith("I2") for fault in faults),
        "hash_matches": matches,
        "runs": runs,
        "recovery_p95_s": None,
        "orphans": orphans,
        "faults": faults,
        "seconds": round(time.monotonic() - began, 1),
    }
