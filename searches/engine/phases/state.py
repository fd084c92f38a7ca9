"""What the phases of one search share: its spec, what was accepted, and who decides, trains and pays."""

import time
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from nasportal.lib.installation import portal_version
from searches import algorithms
from searches.algorithms.algorithm import Algorithm, Evaluated
from searches.engine.archive import Archive
from searches.engine.budget import Budget
from searches.engine.executors.executor import Executor
from searches.engine.hardware import machine
from searches.engine.history import PORTAL, VERSION, is_step
from searches.engine.job_builder import Jobs
from searches.engine.ladder import Rungs
from searches.engine.problem import SpecProblem
from searches.engine.result_cache import Cache
from searches.engine.scheduler import Dispatch
from searches.engine.sequence import Candidate
from searches.engine.sequence import Sequence as Numbers
from searches.engine.supernet_check import supernet_check_of
from searches.engine.weights.weight_store import Weights, Work
from searches.evaluation import datasets
from searches.evaluation.datasets import Facts
from searches.spec import SearchSpec


class SearchState:
    """One run between its events. The phases change it; nobody else does."""

    def __init__(
        self,
        spec: SearchSpec,
        history: Sequence[Mapping[str, Any]],
        executor: Executor,
        folder: Path,
        elapsed: float,
        cache: tuple[Path, int] | None,  # its folder and how many bytes it may hold
    ) -> None:
        self.spec = spec
        self.cache = cache
        self.executor = executor
        self.folder = folder
        self.started = time.monotonic() - elapsed
        self.lines: list[dict[str, Any]] = [dict(entry) for entry in history]
        self.generation = 0  # the next to be reported
        self.stage = -1  # the last that was reported
        self.searched: int | None = None  # positions of the search; full trainings of the front stand behind them
        self.reason = ""  # why the search ended
        self.check = supernet_check_of(spec)
        self.is_check_reported = False
        tried = self.check.networks if self.check else 0
        self.rungs = Rungs(spec.fidelities, spec.ladder.eta, spec.ladder.final_epochs, tried)
        self.archive = Archive(spec.objectives, spec.limits, spec.ladder.proxy)
        self.budget = Budget(spec.max_cost)
        self.origins: dict[int, tuple[Sequence[int], str]] = {}  # parents and change of each candidate
        self.is_out_of_time = False
        self.refusal = ""  # the last one's sentence

    @cached_property
    def header(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "spec": self.spec.to_document(),
            "data": datasets.open(self.spec.dataset).card(),
            "machine": machine() | {PORTAL: portal_version()},
        }

    @cached_property
    def facts(self) -> Facts:
        return datasets.facts(self.spec.dataset)

    @cached_property
    def problem(self) -> SpecProblem:
        return SpecProblem(self.spec, self.facts)

    @cached_property
    def algorithm(self) -> Algorithm:
        return algorithms.get(self.spec.algorithm)(**self.spec.algorithm_settings())

    @cached_property
    def numbers(self) -> Numbers:
        return Numbers(
            self.problem,
            self.algorithm,
            self.spec.lag,
            rungs=self.rungs,
            check=self.check,
            is_generational=self.spec.synchronisation == "generational",
            most=self.spec.evaluations,
        )

    @cached_property
    def dispatch(self) -> Dispatch:
        cache = Cache(*self.cache, self.header["data"], machine()) if self.cache else None
        return Dispatch(Jobs(self.spec, self.problem, self.folder, Weights(self.folder)), self.executor, cache)

    def is_final(self, entry: Mapping[str, Any]) -> bool:
        """Tells whether a line of the history is a full training of a member of the front."""
        return not is_step(entry) and entry["fidelity"] == self.spec.ladder.final_epochs

    def work(self, member: Candidate | Evaluated, fidelity: int, parents: Sequence[int]) -> Work:
        """Returns the work; inherited weights are those of its parent, or its own from the rung below."""
        if not self.spec.training.inherit or fidelity == self.spec.ladder.final_epochs:
            return Work(member, fidelity)
        lower = [each for each in self.spec.fidelities if each < fidelity]
        candidates = [(member.number, lower[-1])] if lower else [(parent, fidelity) for parent in parents]
        known = [key for key in candidates if key in self.dispatch.weights.files]
        return Work(member, fidelity, parent=known[0] if known else None)

    def fix_reference(self, end: int) -> list[Evaluated]:
        """The front before a position, which bounds what comes where it is the first one."""
        self.archive.fix_reference(self.rungs.shown(end).below(end))
        return self.front(end)

    def front(self, end: int) -> list[Evaluated]:
        """The members before a position, of one fidelity: values of several do not compare."""
        members = self.archive.front(self.rungs.shown(end).below(end))
        return sorted(members, key=lambda each: each.number)
