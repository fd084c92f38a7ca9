"""The search: a generator of events. ``list(search(spec, executor=…, folder=…))`` is a whole run, without Django."""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from searches import algorithms
from searches.algorithms.algorithm import Algorithm, Evaluated, Insightful, Staged, StepDone
from searches.engine import events, result_cache
from searches.engine.archive import Archive
from searches.engine.budget import Budget
from searches.engine.events import EvaluationFinished, Event, Progress, StepFinished
from searches.engine.executors.executor import Executor, JobFinished, JobProgressed
from searches.engine.hardware import machine
from searches.engine.history import VERSION, HistoryError, history_sha256, is_step, line, place
from searches.engine.holdout import tested
from searches.engine.job_builder import Jobs
from searches.engine.ladder import Rungs, ordered
from searches.engine.output.event_builders import progress, promoted, proposed, step_finished, supernet_judged
from searches.engine.output.results import judged
from searches.engine.problem import SpecProblem
from searches.engine.result_cache import Cache
from searches.engine.scheduler import STEP, Dispatch
from searches.engine.selection import choose, why_none
from searches.engine.sequence import BARREN, Asked, Candidate, Duplicate, Promotion, StepAsked
from searches.engine.sequence import Sequence as Numbers
from searches.engine.step_chain import Link
from searches.engine.supernet_check import trial_of
from searches.engine.weights.weight_store import Key, Weights, Work
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
    cache_bytes: int = result_cache.BYTES,
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
        self.generation = 0  # the next to be reported
        self.stage = -1  # the last that was told
        self.searched: int | None = None  # places of the search; full trainings of the front stand behind them
        self.trial = trial_of(spec)
        self.is_trial_told = False
        tried = self.trial.networks if self.trial else 0
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
        is_generational = self.spec.synchronisation == "generational"
        return Numbers(
            self.problem,
            self.algorithm,
            self.spec.lag,
            rungs=self.rungs,
            trial=self.trial,
            is_generational=is_generational,
            most=self.spec.evaluations,
        )

    @cached_property
    def dispatch(self) -> Dispatch:
        cache = None
        if self.cache_folder is not None:
            cache = Cache(self.cache_folder, self.cache_bytes, self.header["data"], self.header["machine"])
        return Dispatch(Jobs(self.spec, self.problem, self.folder, Weights(self.folder)), self.executor, cache)

    def run(self) -> Iterator[Event | Progress]:
        yield events.SearchStarted(self.header)
        yield events.PhaseChanged("problem")
        self.restore()
        yield events.PhaseChanged("space")
        yield events.PhaseChanged("search")
        yield from self.trial_judged()
        if self.searched is None:
            yield from self.evaluate_all()
            self.searched = self.numbers.busy
        reason = self.reason
        yield from self.generations(through=self.searched, is_last=True)
        yield events.PhaseChanged("selection")
        yield from self.train_front()
        yield from self.select()
        yield events.PhaseChanged("code")
        sha256, reference = history_sha256(self.lines, self.header), self.archive.reference_point()
        volume = self.archive.hypervolume(self.front(self.numbers.number))
        cost = self.budget.spent
        yield events.SearchFinished(reason, len(self.numbers.evaluated), volume, sha256, reference, cost)

    # Going on

    def restore(self) -> None:
        """The accepted history; its generations were reported, but the last may have been cut off by the kill."""
        if sorted(self.lines, key=place) != self.lines:
            raise HistoryError("the accepted history is not ordered by number")
        searched = [entry for entry in self.lines if not self.is_final(entry)]
        self.numbers.restore([self.restored(entry) for entry in searched])
        if len(searched) < len(self.lines):
            self.searched = self.numbers.busy
            self.numbers.restore([self.restored(entry) for entry in self.lines[len(searched) :]])
        if not searched:
            return
        self.generation = place(searched[-1]) // self.algorithm.population
        for generation in range(self.generation):
            self.fix_reference((generation + 1) * self.algorithm.population)

    def restored(self, entry: Mapping[str, Any]) -> Evaluated | StepDone:
        """An accepted line as algorithms see it."""
        if is_step(entry):
            self.dispatch.chains.restore(entry)
            self.budget.steps.append((entry["number"], entry["cost"]))
            return StepDone(entry["number"], entry["step"], entry["report"], entry["reason"], entry["cost"])
        result = self.archive.evaluated(entry)
        self.origins.setdefault(result.number, (entry["parents"], entry["change"]))
        if not self.is_final(entry):
            self.budget.spend(self.problem.cost_at(result.genotype, result.fidelity))
        self.dispatch.weights.keep(self.work(result, result.fidelity, tuple(entry["parents"])), entry.get("files", {}))
        return result

    def is_final(self, entry: Mapping[str, Any]) -> bool:
        return not is_step(entry) and entry["fidelity"] == self.spec.ladder.final_epochs

    # Searching

    def evaluate_all(self) -> Iterator[Event | Progress]:
        while True:
            yield from self.ask_while_there_is_room()
            if not self.numbers.pending:
                return
            yield from self.receive()

    def receive(self) -> Iterator[Event | Progress]:
        message = self.executor.receive(PATIENCE_SECONDS)
        if isinstance(message, JobFinished):
            self.dispatch.arrived(message)
            yield from self.accept_those_in_turn()
        elif isinstance(message, JobProgressed):
            yield progress(message)
        elif message is not None and self.dispatch.is_candidate(message):
            yield events.EvaluationStarted(message.number, message.fidelity)

    def ask_while_there_is_room(self) -> Iterator[Event]:
        while self.executor.room:
            if self.dispatch.give_out():
                yield from self.accept_those_in_turn()  # it may have been in the cache
                continue
            if not self.numbers.may_ask or self.is_over:
                return
            yield from self.take(self.numbers.ask())
            yield from self.generations(through=min(self.numbers.settled, self.numbers.busy))

    @property
    def is_over(self) -> bool:
        if self.spec.seconds is not None and time.monotonic() - self.started >= self.spec.seconds:
            self.is_out_of_time = True
        is_spent = self.budget.is_spent(self.numbers.horizon(self.numbers.number))
        return self.is_out_of_time or is_spent or (not self.numbers.may_propose and self.numbers.is_climbed)

    @property
    def reason(self) -> str:
        if len(self.numbers.evaluated) >= self.spec.evaluations:
            return f"all {self.spec.evaluations} evaluations are done"
        if self.is_over and self.is_out_of_time:
            return f"the time limit of {self.spec.seconds:g} s was reached"
        if self.spec.max_cost is not None and self.numbers.barren < BARREN:
            return f"the counted cost of {self.spec.max_cost:,} multiply-adds was reached"
        return f"{self.numbers.barren} numbers in a row brought no new network within the limits"

    def take(self, asked: Asked) -> Iterator[Event]:
        yield from self.stage_changed(asked)
        if asked.refused:
            self.refusal = asked.refused[-1]
            yield events.ProposalRefused(asked.number, asked.refused[-1], len(asked.refused))
        if isinstance(asked, Duplicate):
            yield events.DuplicateProposed(asked.number, asked.fingerprint, asked.of)
        if isinstance(asked, Candidate):
            yield proposed(asked, self.problem.network(asked.genotype), self.algorithm.population)
            self.give(self.work(asked, asked.fidelity, asked.parents))
        if isinstance(asked, Promotion):
            yield promoted(asked)
            self.give(self.work(asked.member, asked.fidelity, ()))
        if isinstance(asked, StepAsked):
            self.dispatch.chains.add(Link(asked.number, asked.step.kind, asked.step.options))

    def stage_changed(self, asked: Asked) -> Iterator[Event]:
        stage = self.algorithm.stage if isinstance(self.algorithm, Staged) else None
        if stage is not None and stage.index != self.stage:
            self.stage = stage.index
            yield events.StageChanged(stage.index, asked.number, stage.name, stage.reason, stage.changes)

    def give(self, work: Work) -> None:
        self.budget.spend(self.problem.cost_at(work.member.genotype, work.fidelity))
        self.dispatch.ready.append(work)

    def work(self, member: Candidate | Evaluated, fidelity: int, parents: Sequence[int]) -> Work:
        """With inherited weights it begins where its parent ended, or where itself did on the rung below."""
        if not self.spec.training.inherit or fidelity == self.spec.ladder.final_epochs:
            return Work(member, fidelity)
        lower = [each for each in self.spec.fidelities if each < fidelity]
        candidates = [(member.number, lower[-1])] if lower else [(parent, fidelity) for parent in parents]
        known = [key for key in candidates if key in self.dispatch.weights.files]
        return Work(member, fidelity, parent=known[0] if known else None)

    def accept_those_in_turn(self) -> Iterator[Event]:
        """Results in the order of their places, however they came: a decision must never see one early."""
        while self.numbers.pending:
            asked = self.numbers.pending[self.numbers.settled]
            results = self.dispatch.collect(self.key_of(asked))
            if not results:
                return
            event = step_finished(asked, results[0]) if isinstance(asked, StepAsked) else self.finished(asked, results)
            self.lines.append(entry := line(event))
            if isinstance(event, StepFinished):
                self.budget.steps.append((event.number, event.cost))
                self.numbers.accept(StepDone(event.number, event.step, entry["report"], event.reason, event.cost))
            else:
                self.numbers.accept(self.archive.evaluated(entry))
            yield event
            yield from self.trial_judged()
            yield from self.generations(through=min(self.numbers.settled, self.numbers.busy))

    def trial_judged(self) -> Iterator[Event]:
        if self.trial and self.trial.verdict and not self.is_trial_told:
            self.is_trial_told = True
            yield supernet_judged(self.trial.verdict, self.trial.fidelity)

    def key_of(self, asked: Candidate | Promotion | StepAsked) -> Key:
        if isinstance(asked, StepAsked):
            return asked.number, STEP
        return asked.number, asked.fidelity

    def finished(self, asked: Candidate | Promotion, results: Sequence[JobFinished]) -> EvaluationFinished:
        member, result = (asked.member if isinstance(asked, Promotion) else asked), results[0]
        if isinstance(asked, Candidate):
            self.origins[asked.number] = asked.parents, asked.change
        parents, change = self.origins[asked.number]
        status, reason, values = judged(self.problem, member.genotype, results)
        return EvaluationFinished(
            asked.number,
            result.fidelity,
            member.fingerprint,
            list(member.genotype),
            list(parents),
            change,
            values,
            status,
            reason,
            result.timing,
            result.curve,
            result.files,
            bool(result.timing.get("cached", False)),
            asked.place if isinstance(asked, Promotion) else None,
        )

    # Generations

    def generations(self, *, through: int, is_last: bool = False) -> Iterator[Event]:
        """Reports each generation whose places are all settled; at the end the unfinished one too."""
        size = self.algorithm.population
        while through >= (self.generation + 1) * size:
            yield self.generation_finished((self.generation + 1) * size)
            self.generation += 1
        if is_last and through > self.generation * size:
            yield self.generation_finished(through)
            self.generation += 1

    def generation_finished(self, end: int) -> events.GenerationFinished:
        rung = self.rungs.shown(end)
        evaluated, front = rung.below(end), self.fix_reference(end)
        start = self.generation * self.algorithm.population
        return events.GenerationFinished(
            self.generation,
            len(self.numbers.below(end)),
            self.archive.hypervolume(front),
            [each.number for each in front],
            self.archive.best(evaluated),
            self.archive.mean([each for each in evaluated if each.at >= start]),
            self.insight(end),
            rung.fidelity,
        )

    def fix_reference(self, end: int) -> list[Evaluated]:
        """The front before a place, which bounds what comes where it is the first one."""
        self.archive.fix_reference(self.rungs.shown(end).below(end))
        return self.front(end)

    def front(self, end: int) -> list[Evaluated]:
        """Of one fidelity: values of several do not compare."""
        members = self.archive.front(self.rungs.shown(end).below(end))
        return sorted(members, key=lambda each: each.number)

    def insight(self, end: int) -> Mapping[str, Any]:
        """What the algorithm knew when it was last asked in a generation: the same with any number of workers."""
        algorithm, asked = self.algorithm, self.numbers.last_asked(end)
        if asked is None or not isinstance(algorithm, Insightful):
            return {}
        return events.plain(algorithm.insight(self.numbers.seen_by(asked)))  # type: ignore[no-any-return]  # a dict

    # Selecting

    def train_front(self) -> Iterator[Event | Progress]:
        """The full training of the front, with several seeds; the test split is not touched yet."""
        epochs, seeds = self.spec.ladder.final_epochs, self.spec.ladder.final_seeds
        assert self.searched is not None
        if epochs is None:
            return
        there = {entry["number"] for entry in self.lines if self.is_final(entry)}
        ranked = [member for member, _ in ordered(self.front(self.searched))]
        for member in sorted(ranked[: self.spec.ladder.final_networks], key=lambda each: each.number):
            if member.number not in there:
                asked = self.numbers.ask_finally(member, epochs, f"on the front, trained in full with {seeds} seeds")
                yield promoted(asked)
                self.dispatch.ready.append(Work(member, epochs, seed=seeds - 1))
        while self.numbers.pending:
            while self.executor.room and self.dispatch.give_out():
                yield from self.accept_those_in_turn()
            if self.numbers.pending:
                yield from self.receive()

    def select(self) -> Iterator[Event | Progress]:
        """Chooses by validation values; only then, and only for the front, the test split is read."""
        front = self.fix_reference(self.numbers.number)
        ballots = self.algorithm.ballots(front, self.numbers.all_seen())
        chosen: int | None = None
        if front:
            chosen, reasons = choose(self.spec, front, self.archive, ballots)
        else:
            reasons = [why_none(self.lines, self.refusal)]
        numbers = [each.number for each in front]
        told = [{"voter": each.voter, "ranking": each.ranking[:MOST_RANKED], "reason": each.reason} for each in ballots]
        fidelity = self.rungs.shown(self.numbers.number).fidelity
        yield events.SelectionFinished(chosen, numbers, self.spec.choose, reasons, told, fidelity)
        yield from tested(front, self.dispatch, PATIENCE_SECONDS)
