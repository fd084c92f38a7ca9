"""The search: a generator of events. ``list(search(spec, executor=…, folder=…))`` is a whole run, without Django."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from architectures.ir import compact
from architectures.ir import json as graph_json
from searches import algorithms, objectives
from searches.algorithms.algorithm import Algorithm, Ballot, Evaluated
from searches.engine import events
from searches.engine.archive import Archive, all_finite
from searches.engine.events import EvaluationFinished, Event, Progress
from searches.engine.executor import EvaluatorBroken, Executor, JobFinished, JobProgressed, JobStarted
from searches.engine.history import VERSION, HistoryError, history_sha256, line, order
from searches.engine.machine import machine
from searches.engine.problem import SpecProblem
from searches.engine.selection import choose
from searches.engine.sequence import Asked, Candidate, Duplicate
from searches.engine.sequence import Sequence as Numbers
from searches.evaluation import datasets
from searches.evaluation.datasets import Facts
from searches.spec import SearchSpec

MOST_RANKED = 500  # of a ballot that is told: its event must fit one line of the pipe
PATIENCE_SECONDS = 0.5  # how long a silent executor is waited for before the clock is looked at again


def search(
    spec: SearchSpec,
    *,
    history: Sequence[Mapping[str, Any]] = (),
    executor: Executor,
    folder: Path,
    elapsed: float = 0.0,
) -> Generator[Event | Progress, None, None]:
    """Runs the spec to its end, going on behind ``history``; closing the generator cancels it.

    ``elapsed`` are the seconds that the search has spent before, for its limit on the wall clock.
    """
    try:
        yield from Search(spec, history, executor, folder, elapsed).run()
    finally:
        executor.close()


class Search:
    """One run's state; each method that yields is a part of its course."""

    def __init__(
        self,
        spec: SearchSpec,
        history: Sequence[Mapping[str, Any]],
        executor: Executor,
        folder: Path,
        elapsed: float,
    ) -> None:
        self.spec = spec
        self.executor = executor
        self.folder = folder
        self.started = time.monotonic() - elapsed
        self.lines: list[dict[str, Any]] = [dict(entry) for entry in history]
        self.waiting: dict[int, JobFinished] = {}  # finished out of order: held back until their turn
        self.generation = 0  # the next to be reported
        self.archive = Archive(spec.objectives, spec.limits)
        self.is_out_of_time = False

    @cached_property
    def header(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "spec": self.spec.to_document(),
            "data": datasets.open(self.spec.dataset).card(),
            "machine": machine(),
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
        return Numbers(self.problem, self.algorithm, self.spec.lag)

    @property
    def fidelity(self) -> int:
        return self.spec.training.epochs

    def run(self) -> Iterator[Event | Progress]:
        yield events.SearchStarted(self.header)
        yield events.PhaseChanged("problem")
        self.restore()
        yield events.PhaseChanged("space")
        yield events.PhaseChanged("search")
        yield from self.evaluate_all()
        yield from self.generations(through=self.numbers.number, is_last=True)
        yield events.PhaseChanged("selection")
        yield from self.select()
        yield events.PhaseChanged("code")
        volume = self.archive.hypervolume(self.archive.front(self.numbers.evaluated))
        sha256, reference = history_sha256(self.lines, self.header), self.archive.reference_point()
        yield events.SearchFinished(self.reason, len(self.lines), volume, sha256, reference)

    def restore(self) -> None:
        """The accepted history; its generations were reported, but the last may have been cut off by the kill."""
        if sorted(self.lines, key=order) != self.lines:
            raise HistoryError("the accepted history is not ordered by number and fidelity")
        self.numbers.restore([self.archive.evaluated(entry) for entry in self.lines])
        if not self.lines:
            return
        self.generation = self.lines[-1]["number"] // self.algorithm.population
        for generation in range(self.generation):
            self.archive.fix_reference(self.numbers.below((generation + 1) * self.algorithm.population))

    # Searching

    def evaluate_all(self) -> Iterator[Event | Progress]:
        while True:
            yield from self.ask_while_there_is_room()
            if not self.numbers.pending:
                return
            message = self.executor.receive(PATIENCE_SECONDS)
            if isinstance(message, JobFinished):
                self.waiting[message.number] = message
                yield from self.accept_those_in_turn()
            elif message is not None:
                yield self.report(message)

    def ask_while_there_is_room(self) -> Iterator[Event]:
        while self.executor.room and self.numbers.may_ask and not self.is_over:
            yield from self.take(self.numbers.ask())
            yield from self.generations(through=self.numbers.settled)

    @property
    def is_over(self) -> bool:
        if self.spec.seconds is not None and time.monotonic() - self.started >= self.spec.seconds:
            self.is_out_of_time = True
        return self.is_out_of_time or self.numbers.issued >= self.spec.evaluations

    @property
    def reason(self) -> str:
        if len(self.lines) >= self.spec.evaluations:
            return f"all {self.spec.evaluations} evaluations are done"
        if self.is_out_of_time:
            return f"the time limit of {self.spec.seconds:g} s was reached"
        return f"{self.numbers.barren} numbers in a row brought no new network within the limits"

    def take(self, asked: Asked) -> Iterator[Event]:
        if asked.refused:
            yield events.ProposalRefused(asked.number, asked.refused[-1], len(asked.refused))
        if isinstance(asked, Duplicate):
            yield events.DuplicateProposed(asked.number, asked.fingerprint, asked.of)
        if isinstance(asked, Candidate):
            yield self.proposed(asked)
            self.executor.submit(self.job(asked))

    def proposed(self, candidate: Candidate) -> events.CandidateProposed:
        network = self.problem.network(candidate.genotype)
        return events.CandidateProposed(
            candidate.number,
            candidate.fingerprint,
            candidate.genotype,
            candidate.parents,
            candidate.change,
            compact.dumps(network.graph),
            network.complexity.params,
            network.complexity.macs,
            network.complexity.activation_peak_bytes,
            candidate.number // self.algorithm.population,
        )

    def job(self, candidate: Candidate | Evaluated) -> dict[str, Any]:
        """The document described in searches/evaluation/job.py."""
        return {
            "kind": "evaluate",
            "number": candidate.number,
            "fidelity": self.fidelity,
            "graph": graph_json.to_document(self.problem.network(candidate.genotype).graph),
            "dataset": self.spec.dataset,
            "training": self.spec.training.to_document(),
            "seed": self.problem.training_seed(candidate.fingerprint, self.fidelity),
            "folder": str(self.folder),
            "objectives": list(self.spec.objectives),
            "target": self.spec.target,
            "deadline": {"seconds": self.spec.deadline_seconds},
            "memory_limit_bytes": self.spec.training_memory_bytes,
        }

    def report(self, message: JobStarted | JobProgressed) -> Event | Progress:
        if isinstance(message, JobStarted):
            return events.EvaluationStarted(message.number, message.fidelity)
        return Progress(
            message.evaluator,
            message.number,
            message.epoch,
            message.epochs,
            message.loss,
            message.accuracy,
            message.seconds_left,
        )

    def accept_those_in_turn(self) -> Iterator[Event]:
        """Results in the order of their numbers, however they came: a decision must never see one early."""
        while self.numbers.pending and self.numbers.settled in self.waiting:
            candidate = self.numbers.pending[self.numbers.settled]
            event = self.finished(candidate, self.waiting.pop(candidate.number))
            entry = line(event)
            self.lines.append(entry)
            self.numbers.accept(self.archive.evaluated(entry))
            yield event
            yield from self.generations(through=self.numbers.settled)

    def finished(self, candidate: Candidate, result: JobFinished) -> EvaluationFinished:
        status, reason, values = self.judged(result)
        return EvaluationFinished(
            candidate.number,
            result.fidelity,
            candidate.fingerprint,
            list(candidate.genotype),
            list(candidate.parents),
            candidate.change,
            values,
            status,
            reason,
            result.timing,
            result.curve,
            result.files,
        )

    def judged(self, result: JobFinished) -> tuple[str, str, dict[str, float]]:
        """Status, reason and values; a candidate that failed has no values, and an infinite one counts as failed."""
        if result.status != "done":
            return "failed", result.reason or "the evaluator gave no reason", {}
        wanted = dict.fromkeys((*self.spec.objectives, "accuracy"))
        measured = {name: objectives.get(name).measured_as for name in wanted}
        missing = [key for key in measured.values() if key not in result.values]
        if missing:
            raise EvaluatorBroken(f"the evaluator did not measure {missing[0]} of number {result.number}")
        values = {name: result.values[key] for name, key in measured.items()}
        if not all_finite(values):
            return "failed", "a measured value is not finite", {}
        return "done", "", values

    # Generations

    def generations(self, *, through: int, is_last: bool = False) -> Iterator[Event]:
        """Reports each generation whose numbers are all settled; at the end the unfinished one too."""
        size = self.algorithm.population
        while through >= (self.generation + 1) * size:
            yield self.generation_finished((self.generation + 1) * size)
            self.generation += 1
        if is_last and through > self.generation * size:
            yield self.generation_finished(through)
            self.generation += 1

    def generation_finished(self, end: int) -> events.GenerationFinished:
        evaluated = self.numbers.below(end)
        self.archive.fix_reference(evaluated)
        front = self.archive.front(evaluated)
        start = self.generation * self.algorithm.population
        members = [each for each in evaluated if each.number >= start]
        return events.GenerationFinished(
            self.generation,
            len(evaluated),
            self.archive.hypervolume(front),
            [each.number for each in front],
            self.archive.best(evaluated),
            self.archive.mean(members),
        )

    # Selecting

    def select(self) -> Iterator[Event | Progress]:
        """Chooses by validation values; only then, and only for the front, the test split is read."""
        front = self.archive.front(self.numbers.evaluated)
        self.archive.fix_reference(self.numbers.evaluated)
        ballots = self.ballots(front)
        chosen, reasons = choose(self.spec, front, self.archive, ballots)
        numbers = [each.number for each in front]
        told = [{"voter": each.voter, "ranking": each.ranking[:MOST_RANKED], "reason": each.reason} for each in ballots]
        yield events.SelectionFinished(chosen, numbers, self.spec.choose, reasons, told)
        yield from self.test(front)

    def ballots(self, front: Sequence[Evaluated]) -> list[Ballot]:
        return self.algorithm.ballots(front, self.numbers.seen_by(self.numbers.number + self.spec.lag))

    def test(self, front: Sequence[Evaluated]) -> Iterator[Event | Progress]:
        """Each member of the front once; where its weights are gone or damaged, they are trained again."""
        files = {entry["number"]: entry.get("files", {}) for entry in self.lines}
        members = {each.number: each for each in front}
        todo = [self.test_job(each, files[each.number]) for each in front]
        trained_again: set[int] = set()
        while members:
            while todo and self.executor.room:
                self.executor.submit(todo.pop(0))
            message = self.executor.receive(PATIENCE_SECONDS)
            if isinstance(message, JobProgressed):
                yield self.report(message)
            if not isinstance(message, JobFinished):
                continue
            member = members[message.number]
            if message.kind == "evaluate" and message.status == "done":
                trained_again.add(member.number)
                if not self.has_weights(message.files):
                    raise EvaluatorBroken(f"number {member.number} was trained again, but left no weights to test")
                todo.append(self.test_job(member, message.files))
            elif message.status == "done":
                del members[member.number]
                yield events.TestMeasured(member.number, message.values["test_accuracy"])
            elif member.number in trained_again:
                raise EvaluatorBroken(f"number {member.number} could not be tested: {message.reason}")
            else:
                trained_again.add(member.number)
                todo.append(self.job(member))

    def test_job(self, member: Evaluated, files: Mapping[str, Any]) -> dict[str, Any]:
        """Reads the test split with the stored weights; where there are none, trains them first."""
        if not self.has_weights(files):
            return self.job(member)
        return self.job(member) | {"kind": "test", "weights": dict(files["weights"])}

    def has_weights(self, files: Mapping[str, Any]) -> bool:
        return "weights" in files and (self.folder / files["weights"]["path"]).is_file()
