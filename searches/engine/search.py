"""The search: a generator of events. ``list(search(spec, executor=…, folder=…))`` is a whole run, without Django."""

import time
from collections import deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from architectures.ir import compact
from searches import algorithms, objectives
from searches.algorithms.algorithm import Algorithm, Ballot, Evaluated, Insightful, StepDone
from searches.engine import cache as caching
from searches.engine import events
from searches.engine.archive import Archive, all_finite
from searches.engine.cache import Cache
from searches.engine.chain import Chains, Link
from searches.engine.events import EvaluationFinished, Event, Progress, StepFinished
from searches.engine.executor import EvaluatorBroken, Executor, JobFinished, JobProgressed, JobStarted
from searches.engine.history import VERSION, HistoryError, history_sha256, is_step, line, order
from searches.engine.jobs import Jobs
from searches.engine.machine import machine
from searches.engine.problem import SpecProblem
from searches.engine.selection import choose
from searches.engine.sequence import Asked, Candidate, Duplicate, StepAsked
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
    cache: Path | None = None,
    cache_bytes: int = caching.BYTES,
) -> Generator[Event | Progress, None, None]:
    """Runs the spec to its end, going on behind ``history``; closing the generator cancels it.

    ``elapsed`` are the seconds that the search has spent before, for its limit on the wall clock. What another search
    left in the folder ``cache`` is not trained again; the history is the same without it.
    """
    try:
        yield from Search(spec, history, executor, folder, elapsed, cache, cache_bytes).run()
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
        cache_folder: Path | None,
        cache_bytes: int,
    ) -> None:
        self.spec = spec
        self.cache_folder = cache_folder
        self.cache_bytes = cache_bytes
        self.executor = executor
        self.folder = folder
        self.started = time.monotonic() - elapsed
        self.lines: list[dict[str, Any]] = [dict(entry) for entry in history]
        self.waiting: dict[int, JobFinished] = {}  # finished out of order: held back until their turn
        self.ready: deque[dict[str, Any]] = deque()  # jobs for whoever has room
        self.given_out: dict[tuple[str, int, int], dict[str, Any]] = {}  # by kind, number, fidelity
        self.chains = Chains(folder)
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

    @cached_property
    def jobs(self) -> Jobs:
        return Jobs(self.spec, self.problem, self.folder)

    @cached_property
    def cache(self) -> Cache | None:
        if self.cache_folder is None:
            return None
        return Cache(self.cache_folder, self.cache_bytes, self.header["data"], self.header["machine"])

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
        yield events.SearchFinished(self.reason, len(self.numbers.evaluated), volume, sha256, reference)

    def restore(self) -> None:
        """The accepted history; its generations were reported, but the last may have been cut off by the kill."""
        if sorted(self.lines, key=order) != self.lines:
            raise HistoryError("the accepted history is not ordered by number and fidelity")
        self.numbers.restore([self.restored(entry) for entry in self.lines])
        if not self.lines:
            return
        self.generation = self.lines[-1]["number"] // self.algorithm.population
        for generation in range(self.generation):
            self.archive.fix_reference(self.numbers.below((generation + 1) * self.algorithm.population))

    def restored(self, entry: Mapping[str, Any]) -> Evaluated | StepDone:
        """An accepted line as algorithms see it."""
        if not is_step(entry):
            return self.archive.evaluated(entry)
        self.chains.restore(entry)
        return StepDone(entry["number"], entry["step"], entry["report"], entry["reason"])

    # Searching

    def evaluate_all(self) -> Iterator[Event | Progress]:
        while True:
            yield from self.ask_while_there_is_room()
            if not self.numbers.pending:
                return
            message = self.executor.receive(PATIENCE_SECONDS)
            if isinstance(message, JobFinished):
                self.remember(message)
                yield from self.arrived(message)
            elif message is not None:
                yield from self.report(message)

    def ask_while_there_is_room(self) -> Iterator[Event]:
        while self.executor.room:
            if job := self.next_job():
                yield from self.give_out(job)
                continue
            if not self.numbers.may_ask or self.is_over:
                return
            yield from self.take(self.numbers.ask())
            yield from self.generations(through=self.numbers.settled)

    def next_job(self) -> dict[str, Any] | None:
        """One that can be done now; a step can once the one before it has left its state."""
        if step := self.chains.take():
            return self.jobs.step(*step)
        return self.ready.popleft() if self.ready else None

    def give_out(self, job: dict[str, Any]) -> Iterator[Event]:
        """To an evaluator, unless the project has paid for the same job before."""
        if self.cache and (found := self.cache.look_up(job)):
            yield from self.arrived(found)
            return
        self.given_out[job["kind"], job["number"], job["fidelity"]] = job
        self.executor.submit(job)

    def remember(self, message: JobFinished) -> None:
        job = self.given_out.pop((message.kind, message.number, message.fidelity))
        if self.cache:
            self.cache.keep(job, message)

    def arrived(self, message: JobFinished) -> Iterator[Event]:
        if message.kind != "step" or self.chains.finish(message):
            self.waiting[message.number] = message
        yield from self.accept_those_in_turn()

    @property
    def is_over(self) -> bool:
        if self.spec.seconds is not None and time.monotonic() - self.started >= self.spec.seconds:
            self.is_out_of_time = True
        return self.is_out_of_time or self.numbers.issued >= self.spec.evaluations

    @property
    def reason(self) -> str:
        if len(self.numbers.evaluated) >= self.spec.evaluations:
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
            self.ready.append(self.jobs.evaluation(asked, self.fidelity))
        if isinstance(asked, StepAsked):
            self.chains.add(Link(asked.number, asked.step.kind, asked.step.options))

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

    def report(self, message: JobStarted | JobProgressed) -> Iterator[Event | Progress]:
        if isinstance(message, JobProgressed):
            yield self.progress(message)
        elif isinstance(self.numbers.pending.get(message.number), Candidate):
            yield events.EvaluationStarted(message.number, message.fidelity)

    def progress(self, message: JobProgressed) -> Progress:
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
            asked = self.numbers.pending[self.numbers.settled]
            result = self.waiting.pop(asked.number)
            event = self.step_finished(asked, result) if isinstance(asked, StepAsked) else self.finished(asked, result)
            entry = line(event)
            self.lines.append(entry)
            if isinstance(event, StepFinished):
                self.numbers.accept(StepDone(event.number, event.step, entry["report"], event.reason))
            else:
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
            bool(result.timing.get("cached", False)),
        )

    def step_finished(self, asked: StepAsked, result: JobFinished) -> StepFinished:
        is_done = result.status == "done"
        return StepFinished(
            asked.number,
            asked.step.kind,
            asked.step.options,
            asked.step.change,
            result.report if is_done else {},
            result.status,
            "" if is_done else result.reason or "the evaluator gave no reason",
            int(result.timing.get("cost", 0)) if is_done else 0,
            result.timing,
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
            self.insight(end),
        )

    def insight(self, end: int) -> Mapping[str, Any]:
        """What the first number behind a generation may know, so that it tells the same with any number of workers."""
        algorithm = self.algorithm
        return events.plain(algorithm.insight(self.numbers.seen_by(end))) if isinstance(algorithm, Insightful) else {}

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
                yield self.progress(message)
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
                todo.append(self.jobs.evaluation(member, self.fidelity))

    def test_job(self, member: Evaluated, files: Mapping[str, Any]) -> dict[str, Any]:
        """Reads the test split with the stored weights; where there are none, trains them first."""
        if not self.has_weights(files):
            return self.jobs.evaluation(member, self.fidelity)
        return self.jobs.test(member, self.fidelity, files["weights"])

    def has_weights(self, files: Mapping[str, Any]) -> bool:
        return "weights" in files and (self.folder / files["weights"]["path"]).is_file()
