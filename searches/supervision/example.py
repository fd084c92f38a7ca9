"""A finished search that every new portal begins with: recorded from a real one, played back as its supervisor saw it.

Renew it with ``manage.py example --renew`` (a minute on two cores): it trains for real, and writes the two files in
``fixtures/``. Of the weights those of the chosen network are kept, so that its repository can be generated.
"""

import gzip
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

from django.contrib.auth.models import User
from django.utils import timezone

from nasportal.lib import file_storage
from nasportal.lib.machine import cores
from searches import services
from searches.engine import engine_process
from searches.engine import events as engine
from searches.models import Notice, Project, SearchRun
from searches.presets import PRESETS
from searches.services.annotations import note_save, tags_set
from searches.spec import SearchSpec
from searches.supervision import leases
from searches.supervision.recorder import events_record
from searches.supervision.row_cache import RowCache

FOLDER = Path(__file__).parents[1] / "fixtures"
EVENTS = FOLDER / "example.jsonl.gz"
WEIGHTS = FOLDER / "example.safetensors"
NAME = "Example: digits, finished"
PROJECT = "Examples"
NOTE = """The portal has made this search: 24 networks, trained on 1,797 handwritten digits of 8×8 pixels.

* Click a point of the **Pareto front**: the network, its figures, and why you would select it.
* Move the weights under *Select* and see the selection move.
* Select two candidates in the table and click **Compare**.
* Click **Generate repository**: the code of the selected network with its trained weights, to run without the portal.

Then click *New run from this one* in the menu of this run, change what you like, and start.
"""
BATCH = 32


def record(folder: Path) -> None:
    """Runs the search and keeps what it reports. Raises RuntimeError where the search fails."""
    spec = SearchSpec.from_document({**PRESETS["quick"].document, "seed": 1})
    process = engine_process.start(spec.to_document(), [], folder, cores())
    began, chosen = monotonic(), None
    recorded: list[dict[str, Any]] = []
    files: dict[int, Mapping[str, Any]] = {}
    try:
        for event in process.events():
            if isinstance(event, engine.Progress):
                continue
            document = event.to_document()
            if isinstance(event, engine.EvaluationFinished):
                files[event.number] = document["files"].get("weights", {})
            if isinstance(event, engine.SelectionFinished):
                chosen = event.chosen
            recorded.append({"seconds": round(monotonic() - began, 2), "event": document})
    finally:
        code = process.stop()
    if code or chosen is None:
        raise RuntimeError(f"the example search ended with exit code {code}; its log is in {folder}")
    for document in (row["event"] for row in recorded):
        if document["kind"] == "EvaluationFinished" and document["number"] != chosen:
            document["files"] = {name: facts for name, facts in document["files"].items() if name != "weights"}
    text = "\n".join(json.dumps(row, separators=(",", ":"), allow_nan=False) for row in recorded)
    EVENTS.write_bytes(gzip.compress(text.encode(), mtime=0))
    WEIGHTS.write_bytes((folder / files[chosen]["path"]).read_bytes())


def rows() -> Iterator[tuple[float, Any]]:
    """The recorded events, each with its time since the start."""
    for line in gzip.decompress(EVENTS.read_bytes()).decode().splitlines():
        row = json.loads(line)
        yield row["seconds"], engine.from_document(row["event"])


def load(*, owner: User) -> SearchRun:
    """The finished run as rows and files of this portal, as if it had run here just now."""
    recorded = list(rows())
    header = next(event.header for _, event in recorded if isinstance(event, engine.SearchStarted))
    spec = SearchSpec.from_document(engine.plain(header)["spec"])
    project = Project.objects.owned_by(owner).filter(name=PROJECT).first()
    project = project or services.project_create(owner=owner, name=PROJECT)
    run = services.run_create(project=project, spec=spec, name=NAME, by=owner)
    claim = leases.run_claim(owner="example/0", seconds=60, runs_at_once=2**31, run_id=run.pk)
    assert claim is not None  # nobody else knows of it yet
    lasted = recorded[-1][0]
    start = timezone.now() - timedelta(seconds=lasted)
    known = RowCache(run.pk)
    for first in range(0, len(recorded), BATCH):
        batch = recorded[first : first + BATCH]
        at = start + timedelta(seconds=batch[-1][0])
        events = [event for _, event in batch]
        events_record(run_id=run.pk, token=claim.token, events=events, at=at, known=known)
    run.refresh_from_db()
    trained = run.evaluations.with_weights().first()
    if trained:
        path = run.folder / trained.weights_path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(WEIGHTS.read_bytes())
        file_storage.keep(path)
    SearchRun.objects.filter(pk=run.pk).update(created=start, started=start, queued=start, worked_seconds=lasted)
    Notice.objects.filter(run=run).delete()
    note_save(target=run, text=NOTE, by=owner)
    tags_set(target=run, names=["example"])
    return run
