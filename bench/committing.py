"""``python -m bench.committing`` in an environment of its own: what a database takes in of a search, as JSON."""

import json
import os
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import django

EVALUATIONS = 400


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "nasportal.settings"
    django.setup()
    from django.contrib.auth.models import User
    from django.core.management import call_command

    from searches import services
    from searches.engine.search import search
    from searches.supervision.recorder import events_record
    from searches.supervision.row_cache import RowCache
    from tests.support.formula import FormulaExecutor
    from tests.support.world import claim, spec

    call_command("migrate", verbosity=0)
    wanted = spec(evaluations=EVALUATIONS)
    with TemporaryDirectory() as folder:
        began = time.process_time()
        reports = list(search(wanted, executor=FormulaExecutor(), folder=Path(folder)))
        engine_seconds = time.process_time() - began
    events = [report for report in reports if report.kind != "Progress"]
    alice = User.objects.create(username="alice")
    project = services.project_create(owner=alice, name="Commits")
    found = {"engine_cpu_ms": round(1e3 * engine_seconds / EVALUATIONS, 2)}
    for batch in (4, 64):  # an evaluation's own events; as many as the supervisor takes when it is behind
        held = claim(services.run_create(project=project, spec=wanted, name=f"by {batch}", by=alice), seconds=3600.0)
        known = RowCache(held.run_id)
        began, cpu = time.perf_counter(), time.process_time()
        for start in range(0, len(events), batch):
            events_record(run_id=held.run_id, token=held.token, events=events[start : start + batch], known=known)
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu
        found[f"evaluations_a_second_in_batches_of_{batch}_events"] = round(EVALUATIONS / seconds)
        found[f"cpu_ms_an_evaluation_in_batches_of_{batch}_events"] = round(1e3 * cpu_seconds / EVALUATIONS, 2)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
