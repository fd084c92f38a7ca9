"""A search in a folder: history.jsonl as it grows, front.json at its end. No database, no server."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from searches import objectives, pareto
from searches.engine.events import (
    EvaluationFinished,
    Reported,
    SearchFinished,
    SelectionFinished,
    StepFinished,
)
from searches.engine.history import MACHINE, HistoryError, dumps, is_step, line, no_longer_promised, order, read
from searches.evaluation.files import write_file
from searches.spec import SearchSpec

HISTORY, FRONT = "history.jsonl", "front.json"
VERSION = 1


class SearchFolder:
    """The sink of a search on the command line. A kill at any moment leaves a history that can be gone on with."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.header: dict[str, Any] | None = None
        self.lines: list[dict[str, Any]] = []
        self.kept: dict[str, Any] = {}  # documents of events for front.json

    @property
    def networks(self) -> int:
        """Distinct ones that were evaluated."""
        return len({entry["number"] for entry in self.lines if not is_step(entry)})

    def evaluations(self, fidelity: int) -> list[dict[str, Any]]:
        """The lines of candidates at one fidelity: values of several do not compare."""
        return [entry for entry in self.lines if not is_step(entry) and entry["fidelity"] == fidelity]

    @classmethod
    def new(cls, path: Path) -> "SearchFolder":
        """Makes the folder of a new search. Raises HistoryError where it holds one already."""
        if (path / HISTORY).exists():
            raise HistoryError(
                f"{path} already holds a search; continue it with --resume {path}, or name another folder"
            )
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    @classmethod
    def resumed(cls, path: Path) -> "SearchFolder":
        """Opens what was accepted there; a line that a kill cut off is cut from the file too.

        Raises HistoryError where the folder holds no search.
        """
        if not (path / HISTORY).is_file():
            raise HistoryError(f"{path} holds no search: there is no {HISTORY} in it; start one with --out {path}")
        folder = cls(path)
        folder.header, folder.lines = read((path / HISTORY).read_text(encoding="utf-8"))
        rows = [dumps(entry) + "\n" for entry in (folder.header, *folder.lines)]
        write_file(path / HISTORY, "".join(rows).encode())
        return folder

    def begin(self, header: Mapping[str, Any]) -> str:
        """Writes the header of a new search; for a resumed one it returns what is no longer promised.

        Raises HistoryError where a resumed search had other data.
        """
        if self.header is None:
            self.header = dict(header)
            self._append(self.header)
            return ""
        if self.header["spec"] != header["spec"]:
            self.header["spec"] = SearchSpec.completed(self.header["spec"])
        ours, theirs = dict(self.header), dict(header)
        lost = no_longer_promised(ours.pop(MACHINE), theirs.pop(MACHINE))
        if ours != theirs:
            raise HistoryError(f"{self.path} was searched with other data; name a new folder with --out")
        return lost

    def accept(self, event: EvaluationFinished | StepFinished) -> None:
        entry = line(event)
        self.lines.append(entry)
        self._append(entry)

    def keep(self, event: Reported) -> None:
        """Takes an event for front.json, under the name that its class gives."""
        self.kept[event.kept_as] = {name: value for name, value in event.to_document().items() if name != "kind"}

    def _append(self, entry: Mapping[str, Any]) -> None:
        with (self.path / HISTORY).open("a", encoding="utf-8") as stream:
            stream.write(dumps(entry) + "\n")
            stream.flush()
            os.fsync(stream.fileno())

    def finish(
        self,
        selection: SelectionFinished,
        tested: Mapping[int, float],
        finished: SearchFinished,
    ) -> dict[str, Any]:
        """front.json: what was found, with the test accuracies that were measured after the choice."""
        assert self.header is not None
        names, fidelity = self.header["spec"]["objectives"], selection.fidelity or 0
        entries = {entry["number"]: entry for entry in self.evaluations(fidelity)}
        rows = [dumps(entry) + "\n" for entry in (self.header, *sorted(self.lines, key=order))]
        write_file(self.path / HISTORY, "".join(rows).encode())
        document = {
            "version": VERSION,
            "spec": self.header["spec"],
            "objectives": objectives.facts(names),
            "reference_point": finished.reference_point,
            "ideal_point": [objectives.get(name).ideal for name in names],
            "hypervolume": finished.hypervolume,  # share of the box between those two points
            "hypervolume_unscaled": unscaled(names, [entries[number] for number in selection.front], finished),
            "fidelity": fidelity,  # epochs, of every value here
            "chosen": selection.chosen,
            "how": selection.how,
            "reasons": list(selection.reasons),
            "front": [member(entries[number], names, tested) for number in selection.front],
            "evaluations": finished.evaluations,
            "cost": finished.cost,
            "reason": finished.reason,
            "history_sha256": finished.history_sha256,
        }
        return self.write_front(document | self.kept)

    def write_front(self, document: dict[str, Any]) -> dict[str, Any]:
        write_file(self.path / FRONT, (json.dumps(document, indent=1, allow_nan=False) + "\n").encode())
        return document


def member(entry: Mapping[str, Any], names: Sequence[str], tested: Mapping[int, float]) -> dict[str, Any]:
    return {
        "number": entry["number"],
        "fingerprint": entry["fingerprint"],
        "genotype": entry["genotype"],
        "values": {name: entry["values"][name] for name in names},
        "validation_accuracy": entry["values"]["accuracy"],
        "test_accuracy": tested.get(entry["number"]),
        "fidelity": entry["fidelity"],
        "seconds": entry["timing"].get("seconds"),
    }


def unscaled(names: Sequence[str], front: Sequence[Mapping[str, Any]], finished: SearchFinished) -> float:
    """The hypervolume in the product of the objectives' own units."""
    if finished.reference_point is None:
        return 0.0
    reference = [objectives.loss(name, value) for name, value in zip(names, finished.reference_point, strict=True)]
    return pareto.hypervolume([objectives.losses(names, entry["values"]) for entry in front], reference)
