"""Results that other runs of a project have paid for, by all that decides them.

A record's name is the hash of its job without what decides nothing (number, folder, clock). A value that a clock
measured is taken over only for the same target on the same host. Weights and states lie beside, known by their sha256;
they are links to the run's own files where the file system has such.
"""

import json
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from architectures.ir import json as graph_json
from architectures.ir.fingerprint import fingerprint
from searches import objectives
from searches.engine.executors.executor import Job, JobFinished
from searches.engine.history import dumps
from searches.evaluation import steps
from searches.evaluation.files import read_file, write_file
from searches.evaluation.training.recipe import RECIPE_VERSION

VERSION = 1
CACHED_KINDS = ("evaluate", "proxies", "supernet", "step")
DECIDES_NOTHING = ("number", "folder", "deadline", "objectives", "target")  # the last two are looked at in the record
DATA = ("sha256", "split_sha256", "normalisation", "augmentation")  # of a data set's card
ROOM_AFTER_PRUNING = 0.9  # of the quota
COUNTED_EVERY = 20  # records: counting reads the whole folder
BYTES = 4 * 2**30  # the quota, where nobody says another one


@dataclass
class Cache:
    """A folder of records; several engines may use it at once."""

    folder: Path
    limit_bytes: int
    card: Mapping[str, Any]  # of the data set
    machine: Mapping[str, Any]
    host: str = field(default_factory=platform.node)

    _kept: int = field(default=0, init=False)

    def look_up(self, job: Job) -> JobFinished | None:
        """The result of an equal job, its files put into this job's folder; None where there is none, or no more."""
        if job["kind"] not in CACHED_KINDS:
            return None
        path = self.record_path(self.key(job))
        try:
            record = json.loads(path.read_bytes())
            if not self.serves(record, job):
                return None
            files = {name: self.fetch(path, name, file, job) for name, file in record["files"].items()}
            os.utime(path)
        except (OSError, ValueError, KeyError):  # gone, or damaged: trained anew and written anew
            return None
        timing = record["timing"] | {"cached": True}
        same = job["kind"], job["number"], job["fidelity"], "done", ""
        return JobFinished(*same, record["values"], timing, record["curve"], files, record["report"])

    def serves(self, record: Mapping[str, Any], job: Job) -> bool:
        """Returns whether it has every value that is asked for, measured where it would be measured now."""
        for name in job.get("objectives", ()):
            objective = objectives.get(name)
            if objective.measured_as not in record["values"]:
                return False
            if objective.is_measured and [record["target"], record["host"]] != [job["target"], self.host]:
                return False
        return True

    def keep(self, job: Job, result: JobFinished) -> None:
        """Stores what was paid for; a failure is none of it, for its reason may lie in the machine."""
        if result.status != "done" or job["kind"] not in CACHED_KINDS:
            return
        path = self.record_path(self.key(job))
        record = {
            "version": VERSION,
            "values": dict(result.values),
            "timing": dict(result.timing),
            "curve": [list(row) for row in result.curve],
            "report": dict(result.report),
            "files": {name: dict(file) for name, file in result.files.items()},
            "target": job.get("target"),
            "host": self.host,
        }
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            for name, file in result.files.items():
                link(Path(job["folder"]) / file["path"], beside(path, name))
            write_file(path, dumps(record).encode())
        except OSError:  # a full or read-only disk takes nothing from the search itself
            return
        self._kept += 1
        if self._kept % COUNTED_EVERY == 1:
            self.make_room()

    def fetch(self, record: Path, name: str, file: Mapping[str, Any], job: Job) -> dict[str, Any]:
        """Links a file of the record into the job's folder, once its content is known to be whole."""
        source = beside(record, name)
        read_file(source, file["sha256"])
        path = steps.state_path(job["step"], job["number"]) if job["kind"] == "step" else file["path"]
        target = Path(job["folder"]) / path
        target.parent.mkdir(parents=True, exist_ok=True)
        link(source, target)
        return {"path": path, "sha256": file["sha256"]}

    # Names

    def key(self, job: Job) -> str:
        parts = {name: value for name, value in job.items() if name not in DECIDES_NOTHING}
        if "graph" in parts:
            parts["graph"] = fingerprint(graph_json.from_document(parts["graph"]))
        parts["dataset"] = {name: self.card.get(name) for name in DATA}
        same = {"version": VERSION, "recipe": RECIPE_VERSION, "machine": dict(self.machine)}
        return sha256(dumps(without_paths(parts) | same).encode()).hexdigest()

    def record_path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.json"

    # Room

    def make_room(self) -> None:
        """Deletes the records that were used least recently once the quota is passed."""
        sizes = {path: size_of(path) for path in self.folder.glob("*/*")}
        total = sum(sizes.values())
        if total <= self.limit_bytes:
            return
        for record in sorted((path for path in sizes if path.suffix == ".json"), key=last_used):
            if total <= ROOM_AFTER_PRUNING * self.limit_bytes:
                return
            for path in record.parent.glob(f"{record.stem}.*"):
                total -= sizes.get(path, 0)
                path.unlink(missing_ok=True)


def beside(record: Path, name: str) -> Path:
    """Returns the path of a file of a record."""
    return record.with_suffix(f".{name}")


def link(source: Path, target: Path) -> None:
    """The same bytes under a second name, whole or absent; files here are only ever replaced, never written into."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, temporary)
    temporary.replace(target)


def size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def without_paths(value: Any) -> Any:
    """Stored files by their sha256 alone: where they lie decides nothing."""
    if isinstance(value, Mapping):
        if {"path", "sha256"} == value.keys():
            return value["sha256"]
        return {key: without_paths(item) for key, item in value.items()}
    return value
