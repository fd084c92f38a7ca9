"""``python -m bench.pouring RUNS SECONDS RATE``: makes runs, prints how to reach them, and pours events into each.

Works on the database of a running portal, as a supervisor does: under a lease, an event a transaction.
"""

import json
import os
import sys
import time
from itertools import islice

import django


def main(count: int, seconds: float, rate: float) -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "nasportal.settings"
    django.setup()
    from django.contrib.auth.models import User
    from django.db import transaction
    from django.test import Client

    from searches import services
    from searches.supervision.recorder import events_record
    from searches.supervision.row_cache import RowCache
    from tests.support.world import claim, reports_of, spec

    user = User.objects.get()
    project = services.project_create(owner=user, name="Load")
    client = Client()
    client.force_login(user)
    wanted = spec(evaluations=60)
    runs, held = [], []
    for number in range(count):
        with transaction.atomic():  # the portal's own workers never see it in the queue
            runs.append(services.run_create(project=project, spec=wanted, name=f"load {number}", by=user))
            held.append(claim(runs[-1], owner="bench/1", seconds=3600.0))
    found = {
        "runs": [run.pk for run in runs],
        "cookies": {name: morsel.value for name, morsel in client.cookies.items()},
    }
    print(json.dumps(found), flush=True)
    sys.stdin.readline()  # the sockets are there
    most = int(seconds * rate)
    poured = [list(islice((each for each in reports_of(run) if each.kind != "Progress"), most)) for run in runs]
    began = time.monotonic()
    known = [RowCache(run.pk) for run in runs]
    behind = 0.0
    for turn in range(min(len(each) for each in poured)):
        for place, (lease, events) in enumerate(zip(held, poured, strict=True)):
            due = began + (turn + place / count) / rate
            behind = max(behind, time.monotonic() - due)
            time.sleep(max(0.0, due - time.monotonic()))
            events_record(run_id=lease.run_id, token=lease.token, events=[events[turn]], known=known[place])
    seqs = {run.pk: type(run).objects.get(pk=run.pk).seq for run in runs}
    print(json.dumps({"seqs": seqs, "most_seconds_behind": round(behind, 2)}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3]))
