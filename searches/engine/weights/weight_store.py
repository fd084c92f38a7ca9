"""Which weights an evaluation needs before it can begin, and where they are; lost ones are trained again first."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from searches.algorithms.algorithm import Evaluated
from searches.engine.sequence import Candidate
from searches.evaluation.files import FileDamaged, read_file

Key: TypeAlias = tuple[int, int]  # number and fidelity


@dataclass(frozen=True)
class Work:
    """One training: a network, its fidelity, which of several seeds, and whose weights it begins with."""

    member: Candidate | Evaluated
    fidelity: int
    seed: int = 0
    parent: Key | None = None

    @property
    def key(self) -> Key:
        return self.member.number, self.fidelity


class Weights:
    """The stored weights of a search's evaluations, and how each came about."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: dict[Key, Mapping[str, Any]] = {}
        self.works: dict[Key, Work] = {}

    def keep(self, work: Work, files: Mapping[str, Any]) -> None:
        self.works[work.key] = work
        if "weights" in files:
            self.files[work.key] = files["weights"]

    def are_whole(self, key: Key) -> bool:
        file = self.files.get(key)
        if file is None:
            return False
        try:
            read_file(self.folder / file["path"], file["sha256"])
        except (FileDamaged, OSError):
            return False
        return True

    def before(self, work: Work) -> Work | None:
        """The training that has to be done again before this one; None where its parent's weights are whole."""
        parent = work.parent
        if parent is None or self.are_whole(parent):
            return None
        return self.before(self.works[parent]) or self.works[parent]
