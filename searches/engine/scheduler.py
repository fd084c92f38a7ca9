"""Gives out jobs and takes their results: trainings, steps, and whatever has to be done again for its file."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from searches.engine.executors.executor import EvaluatorBroken, Executor, JobFinished, JobStarted
from searches.engine.job_builder import Jobs
from searches.engine.result_cache import Cache
from searches.engine.step_chain import StepChains
from searches.engine.supernet_check import KIND
from searches.engine.weights.weight_store import Key, Work
from searches.engine.weights.weight_versions import Versions

STEP = -1  # stands for the fidelity of a step


class Dispatch:
    """Jobs of one search on their way between the engine and its evaluators."""

    def __init__(self, jobs: Jobs, executor: Executor, cache: Cache | None) -> None:
        self.jobs = jobs
        self.executor = executor
        self.cache = cache
        self.weights = jobs.weights
        self.chains = StepChains(jobs.folder)
        self.versions = Versions()
        self.ready: list[Work] = []
        self.underway: dict[Key, Work] = {}
        self.lost: dict[Key, Work] = {}  # whose weights are wanted again
        self.repairs: dict[Key, Work] = {}  # trained again for their weights alone
        self.given: dict[tuple[str, int, int], dict[str, Any]] = {}
        self.results: dict[Key, list[JobFinished]] = {}  # of several seeds the first one is in front

    def give_out(self) -> bool:
        """One job that can be done now: to an evaluator, unless the project has paid for the same job before."""
        job = self.next_job()
        if job is None:
            return False
        self.given[job["kind"], job["number"], job["fidelity"]] = job
        if self.cache and (found := self.cache.look_up(job)):
            self.arrived(found)
        else:
            self.executor.submit(job)
        return True

    def next_job(self) -> dict[str, Any] | None:
        """A step waits for the state of the one before it, a training for its parent's weights or the supernet's."""
        if step := self.chains.take():
            return self.jobs.step(*step)
        for work in self.lost.values():
            again = self.weights.before(work) or work
            if again.key not in self.repairs:
                self.repairs[again.key] = again
                return self.jobs.evaluation(again)
        for work in self.ready:
            before = self.weights.before(work)
            supernet = self.chains.state(KIND) if self.jobs.is_inheriting(work) else None
            if supernet is None and self.jobs.is_inheriting(work):
                continue  # its state is gone, and is being made again
            if before is None:
                self.ready.remove(work)
                self.underway[work.key] = work
                return self.jobs.evaluation(work, supernet)
            if before.key not in self.repairs:
                self.repairs[before.key] = before
                return self.jobs.evaluation(before)
        return None

    def arrived(self, message: JobFinished) -> None:
        name = message.kind, message.number, message.fidelity
        if self.versions.refuses(self.given[name], message):
            self.executor.submit(self.given[name])
            return
        job = self.given.pop(name)
        if self.cache and not message.timing.get("cached"):
            self.cache.keep(job, message)
        if message.kind == "step":
            if self.chains.finish(message):
                self.results[message.number, STEP] = [message]
            return
        key = message.number, message.fidelity
        if key in self.repairs:
            self.repaired(self.repairs.pop(key), message)
            return
        work = self.underway.pop(key)
        self.results.setdefault(key, []).insert(0, message)
        if message.status != "done":
            return
        if work.seed:
            self.ready.append(replace(work, seed=work.seed - 1))
        else:
            self.weights.keep(work, message.files)

    def repaired(self, work: Work, message: JobFinished) -> None:
        """Takes the weights of a candidate that was trained again for them.

        Raises EvaluatorBroken where it left none.
        """
        if message.status != "done" or "weights" not in message.files:
            reason = message.reason or "it left no weights"
            raise EvaluatorBroken(f"number {work.member.number} was trained again for its weights, but: {reason}")
        self.weights.keep(work, message.files)
        self.lost.pop(work.key, None)

    def collect(self, key: Key) -> Sequence[JobFinished]:
        """All results of one job, once they are there: one for each seed, or a failure in front."""
        is_awaited = key in self.underway or any(work.key == key for work in self.ready)
        return [] if is_awaited else self.results.pop(key, [])

    def is_candidate(self, message: JobStarted) -> bool:
        return (message.number, message.fidelity) in self.underway
