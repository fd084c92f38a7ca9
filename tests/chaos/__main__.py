"""Seeded kills and pauses over whole searches: the same history after any number of them.

    python -m tests.chaos --kills 200 --evaluations 60

The last line on stdout is `{"kills", "lost", "duplicated", "hash_matches", "runs", "recovery_p95_s", "orphans"}`;
exit code 0 when nothing was lost, nothing doubled, nothing left behind, and every history is the undisturbed one.
DATABASE_URL tries it on another database (an empty one).
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--evaluations", type=int, help="of a run; 60, and 16 where there is a run for each point")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--data", type=Path, help="an empty folder; a temporary one without it")
    parser.add_argument("--minutes", type=float, default=45.0, help="no new run is begun after this time")
    parser.add_argument("--points", type=int, metavar="N", help="instead: every named crash point, up to its N-th pass")
    parser.add_argument("--torn", type=int, metavar="N", help="instead: N times all killed, SQLite's log cut at random")
    parser.add_argument("--full", type=int, metavar="N", help="instead: N times the disk is full, on a small tmpfs")
    parser.add_argument(
        "--machines", action="store_true", help="instead: two machines on the PostgreSQL of DATABASE_URL"
    )
    parser.add_argument(
        "--stopped", type=float, metavar="S", help="instead: the PostgreSQL of DATABASE_URL is away for S seconds"
    )
    parser.add_argument("--algorithm", help="of the searches under the storm; the spec's nsga2 without it")
    parser.add_argument("--ladder", action="store_true", help="the storm goes over a fidelity ladder")
    options = parser.parse_args()
    options.evaluations = options.evaluations or (16 if options.points else 60)
    with tempfile.TemporaryDirectory(prefix="chaos-") as temporary:
        data = (options.data or Path(temporary)).absolute()
        data.mkdir(parents=True, exist_ok=True)
        os.environ |= {"NASPORTAL_DATA": str(data), "DJANGO_SETTINGS_MODULE": "tests.chaos.settings"}
        if options.full:
            os.environ["NASPORTAL_DISK_RESERVE_BYTES"] = str(2**25)
        import django

        django.setup()
        from tests.chaos.full import full_disks, small_disk
        from tests.chaos.machines import two_machines
        from tests.chaos.points import every_point
        from tests.chaos.stopped import stopped_server
        from tests.chaos.storm import changed, storm
        from tests.chaos.torn import torn_logs

        if options.points:
            outcome = every_point(data, options.points, options.evaluations)
        elif options.machines:
            outcome = two_machines(data)
        elif options.full:
            with small_disk(data):
                outcome = full_disks(data, options.full, options.evaluations)
        elif options.torn:
            outcome = torn_logs(data, options.torn, options.evaluations, options.seed)
        elif options.stopped:
            outcome = stopped_server(data, options.stopped, options.evaluations)
        else:
            changes = changed(options.algorithm, options.ladder) | {"evaluations": options.evaluations}
            outcome = storm(data, options.kills, changes, options.seed, options.minutes * 60)
    print(json.dumps(outcome))
    good = outcome["lost"] == outcome["duplicated"] == outcome["orphans"] == 0
    return 0 if good and outcome["hash_matches"] == outcome["runs"] else 1


if __name__ == "__main__":
    sys.exit(main())
