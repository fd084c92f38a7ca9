"""Steps of one kind go on from one another: which is to be done next, and with which state.

A state that is gone or damaged is made again: the steps behind the newest intact one are done once more.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from searches.engine.executors.executor import EvaluatorBroken, JobFinished
from searches.evaluation.files import FileDamaged, read_file

KEPT = 8  # newest states: a sink that was killed may be some steps behind


@dataclass
class Link:
    """One step of a chain."""

    number: int
    kind: str
    options: Mapping[str, Any]
    is_finished: bool = False
    file: Mapping[str, Any] | None = None  # path and sha256 of the state that it left; a failed one leaves none


@dataclass
class StepChain:
    """The steps of one kind, in the order of their numbers; one of them at a time is under way."""

    folder: Path
    links: list[Link] = field(default_factory=list)
    running: Link | None = None
    is_wanted: bool = False  # somebody waits for the newest state, which is gone

    def state(self) -> Mapping[str, Any] | None:
        """Returns what the newest step left; where that is gone it is made again."""
        file = next((link.file for link in reversed(self.links) if link.file is not None), None)
        if file is not None and self.is_intact(file):
            return file
        self.is_wanted = True
        return None

    def next_link(self) -> tuple[Link, Mapping[str, Any] | None] | None:
        """The step to be done now, with the state that it goes on from; None while there is none."""
        waiting = next((place for place, link in enumerate(self.links) if not link.is_finished), None)
        if waiting is None and self.is_wanted:
            waiting = max(place for place, link in enumerate(self.links) if link.file is not None)
        if self.running is not None or waiting is None:
            return None
        todo = self.links[waiting]
        for link in reversed(self.links[:waiting]):
            if link.file is None:
                continue
            if self.is_intact(link.file):
                return todo, link.file
            todo = link
        return todo, None

    def is_intact(self, file: Mapping[str, Any]) -> bool:
        try:
            read_file(self.folder / file["path"], file["sha256"])
        except (FileDamaged, OSError):
            return False
        return True

    def finish(self, result: JobFinished) -> bool:
        """Notes what became of the running step; False if it was only done again for its state.

        Raises EvaluatorBroken where it fails when done again.
        """
        link, self.running, self.is_wanted = self.running, None, False
        assert link is not None
        assert link.number == result.number
        is_first_time, link.is_finished = not link.is_finished, True
        if result.status == "done":
            link.file = result.files["state"]
        elif not is_first_time:
            raise EvaluatorBroken(f"step {link.number} was done again for its state, but failed: {result.reason}")
        self.forget_old()
        return is_first_time

    def forget_old(self) -> None:
        states = [link.file for link in self.links if link.file is not None]
        for file in states[:-KEPT]:
            (self.folder / file["path"]).unlink(missing_ok=True)


class StepChains:
    """The chains of a search by their kinds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.chains: dict[str, StepChain] = {}

    def add(self, link: Link) -> None:
        self.chains.setdefault(link.kind, StepChain(self.folder)).links.append(link)

    def restore(self, entry: Mapping[str, Any]) -> None:
        """A step of the accepted history."""
        file = entry.get("files", {}).get("state")
        if entry["status"] == "done" and file is None:
            file = {"path": "", "sha256": ""}  # a history without files: its states have to be made again
        self.add(
            Link(entry["number"], entry["step"], entry["options"], True, file if entry["status"] == "done" else None)
        )

    def state(self, kind: str) -> Mapping[str, Any] | None:
        """The newest state of a kind; None while it has to be made again."""
        return self.chains[kind].state()

    def take(self) -> tuple[Link, Mapping[str, Any] | None] | None:
        """A step to be done now, which then counts as under way."""
        for chain in self.chains.values():
            if found := chain.next_link():
                chain.running = found[0]
                return found
        return None

    def finish(self, result: JobFinished) -> bool:
        chain = next(each for each in self.chains.values() if each.running and each.running.number == result.number)
        return chain.finish(result)
