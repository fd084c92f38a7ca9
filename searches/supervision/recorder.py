"""Turns an engine's events into rows: one transaction per batch, fenced by the token of the lease.

A resumed engine repeats what it proposed since the last accepted evaluation. What is known already, by its number or
its generation, is dropped here and gets no second `seq`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import singledispatchmethod
from typing import Any

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from searches.engine import events as engine
from searches.engine import history
from searches.models import Candidate, Evaluation, Event, Generation, Progress, SearchRun, Step
from searches.models.run_events import StatusChanged
from searches.models.status import Status, sources
from searches.services.control import control_start
from searches.services.notifications import run_ended
from searches.services.wakeups import nudge
from searches.spec import SearchSpec
from searches.supervision.row_cache import RowCache

LARGEST = 2**63 - 1  # what a column holds; a search of years could cost more
UNTOLD = {"kind", "graph", "files", "options", "traceback"}  # kept in the rows; a browser needs none of them


class LeaseLost(RuntimeError):
    """Another supervisor claimed the run: whatever this one still has to say is refused."""


class HistoryDiffers(RuntimeError):
    """The rows and the engine do not agree about the history, or the search is no longer the one that began."""


def events_record(
    *,
    run_id: int,
    token: int,
    events: Sequence[engine.Event],
    at: datetime | None = None,
    known: RowCache | None = None,
) -> int:
    """Commits a batch of events with its rows and counters; returns how many were new.

    A caller that commits many batches under one token hands the same `known` to each. Raises LeaseLost where the run is
    no longer held under the token.
    """
    known = known or RowCache(run_id)
    with transaction.atomic():
        held = SearchRun.objects.select_for_update().held(token).filter(pk=run_id).order_by()
        found = held.values_list("seq", "status").first()
        if found is None:
            raise LeaseLost(f"run {run_id} is no longer held under token {token}")
        run = known.run()
        run.seq, run.status = found  # what users do moves these two; all else that is read here is the holder's
        ledger = Ledger(run, known, at or timezone.now())
        for event in events:
            if ledger.enter(event):
                ledger.told.append(event)
                ledger.told.extend(ledger.ending(event))
        ledger.commit(token)
        nudge(run_id)
    known.learn(ledger.candidates, ledger.evaluations, ledger.changes)
    return len(ledger.told)


@dataclass
class Ledger:
    """What one transaction is going to write about a run."""

    run: SearchRun
    known: RowCache
    at: datetime
    told: list[engine.Event | StatusChanged] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    candidates: list[Candidate] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    generations: list[Generation] = field(default_factory=list)
    front: tuple[Sequence[int], int | None] | None = None  # numbers and their fidelity
    test_accuracies: dict[int, float] = field(default_factory=dict)

    def now(self, name: str) -> Any:
        """A field of the run as this transaction will leave it."""
        return self.changes.get(name, getattr(self.run, name))

    def commit(self, token: int) -> None:
        """Writes events, rows and counters. Raises LeaseLost where the run is no longer held under the token."""
        told = len(self.told)
        # The token once more, inside the update that commits: nothing was claimed since the row was read.
        kept = SearchRun.objects.filter(pk=self.run.pk).held(token).update(seq=F("seq") + told, **self.changes)
        if not kept:
            raise LeaseLost(f"run {self.run.pk} is no longer held under token {token}")
        Candidate.objects.bulk_create(self.candidates)
        self._link()
        Evaluation.objects.bulk_create(self.evaluations)
        Step.objects.bulk_create(self.steps)
        Generation.objects.bulk_create(self.generations)
        if self.front is not None:
            self._mark_front(*self.front)
        for number, accuracy in self.test_accuracies.items():
            newest = self.run.evaluations.filter(number=number).order_by("-fidelity").values("pk")[:1]
            Evaluation.objects.filter(pk__in=list(newest.values_list("pk", flat=True))).update(test_accuracy=accuracy)
        Event.objects.bulk_create(self._event_rows())

    def _link(self) -> None:
        """Each evaluation to its candidate, which may be new itself."""
        new = {candidate.number: candidate.pk for candidate in self.candidates}
        for evaluation in self.evaluations:
            evaluation.candidate_id = new.get(evaluation.number) or self.known.candidate(evaluation.number)

    def _mark_front(self, front: Sequence[int], fidelity: int | None) -> None:
        """One fidelity's front at a time."""
        on_it = Q(number__in=front) & (Q() if fidelity is None else Q(fidelity=fidelity))
        self.run.evaluations.filter(is_on_front=True).exclude(on_it).update(is_on_front=False)
        self.run.evaluations.filter(on_it, is_on_front=False).update(is_on_front=True)

    def _event_rows(self) -> Iterable[Event]:
        first = self.run.seq + 1
        for place, event in enumerate(self.told):
            payload = {key: value for key, value in event.to_document().items() if key not in UNTOLD}
            yield Event(run=self.run, seq=first + place, kind=type(event).__name__, payload=payload, at=self.at)

    @singledispatchmethod
    def enter(self, event: engine.Event) -> bool:
        """Notes what an event changes; False when it is known already.

        A kind without a rule here changes no row but its own; its class says by which fields a repeated one is known.
        """
        if event.identity is None:
            return True
        same = {name: value for name, value in event.to_document().items() if name in event.identity}
        entered = any(each.kind == event.kind and same.items() <= each.to_document().items() for each in self.told)
        stored = self.run.events.filter(kind=event.kind, **{f"payload__{name}": value for name, value in same.items()})
        return not (entered or stored.exists())

    @enter.register
    def _(self, event: engine.SearchStarted) -> bool:
        header = engine.plain(event.header)
        begun = self.run.header
        if begun is None:
            self.changes["header"] = header
        elif history.canonical(begun | {"spec": SearchSpec.completed(begun.get("spec"))}) == history.canonical(header):
            self.changes["header"] = header | {
                history.MACHINE: went_on(begun[history.MACHINE], header[history.MACHINE])
            }
        else:
            names = {*begun, *header} - {history.MACHINE}
            changed = sorted(name for name in names if begun.get(name) != header.get(name))
            raise HistoryDiffers(
                f"The search is no longer the one that began: {', '.join(changed)} changed. "
                "Clone the run to start again"
            )
        return True

    @enter.register
    def _(self, event: engine.PhaseChanged) -> bool:
        self.changes["phase"] = event.phase
        return True

    @enter.register
    def _(self, event: engine.CandidateProposed) -> bool:
        if self._knows_candidate(event.number):
            return False
        self.candidates.append(
            Candidate(
                run=self.run,
                number=event.number,
                fingerprint=event.fingerprint,
                genotype=engine.plain(event.genotype),
                parents=engine.plain(event.parents),
                change=event.change,
                graph=event.graph,
                params=event.params,
                macs=event.macs,
                memory_bytes=event.memory_bytes,
                generation=event.generation,
            )
        )
        return True

    @enter.register
    def _(self, event: engine.ProposalRefused) -> bool:
        if event.number <= self.now("refused_through"):
            return False
        self.changes |= {"refused": self.now("refused") + event.times, "refused_through": event.number}
        return True

    @enter.register
    def _(self, event: engine.DuplicateProposed) -> bool:
        if event.number <= self.now("duplicates_through"):
            return False
        self.changes |= {"duplicates": self.now("duplicates") + 1, "duplicates_through": event.number}
        return True

    @enter.register
    def _(self, event: engine.CandidatePromoted) -> bool:
        if event.place <= self.now("promoted_through"):
            return False
        self.changes["promoted_through"] = event.place
        return True

    @enter.register
    def _(self, event: engine.StageChanged) -> bool:
        if event.stage <= self.now("stage"):
            return False
        self.changes["stage"] = event.stage
        return True

    @enter.register
    def _(self, event: engine.SupernetJudged) -> bool:
        if self.now("supernet") is not None:
            return False
        self.changes["supernet"] = {key: value for key, value in event.to_document().items() if key != "kind"}
        return True

    @enter.register
    def _(self, event: engine.EvaluationFinished) -> bool:
        if self._knows_evaluation(event.number, event.fidelity):
            return False
        evaluation = evaluation_of(event, self.run)
        self.evaluations.append(evaluation)
        self._count("evaluations_done" if event.place is None else "promotions_done")
        self._count("evaluations_failed", event.status != "done")
        self._count("evaluations_cached", event.cached)
        self._count("cost", int(event.timing.get("cost", 0)))
        best = self.now("best_accuracy")
        if evaluation.accuracy is not None and (best is None or evaluation.accuracy > best):
            self.changes["best_accuracy"] = evaluation.accuracy
        return True

    @enter.register
    def _(self, event: engine.StepFinished) -> bool:
        entered = any(each.number == event.number for each in self.steps)
        if entered or self.run.steps.filter(number=event.number).exists():
            return False
        self.steps.append(step_of(event, self.run))
        self._count("steps_done")
        self._count("cost", event.cost)
        return True

    @enter.register
    def _(self, event: engine.GenerationFinished) -> bool:
        known = {generation.number for generation in self.generations}
        if event.generation in known or self.run.generations.filter(number=event.generation).exists():
            return False
        self.generations.append(
            Generation(
                run=self.run,
                number=event.generation,
                evaluated=event.evaluated,
                hypervolume=event.hypervolume,
                front=engine.plain(event.front),
                best=engine.plain(event.best),
                mean=engine.plain(event.mean),
                insight=engine.plain(event.insight),
                fidelity=event.fidelity,
                at=self.at,
            )
        )
        self.changes |= {"generation": event.generation, "hypervolume": event.hypervolume}
        self._front_is(event.front, event.fidelity)
        return True

    @enter.register
    def _(self, event: engine.SelectionFinished) -> bool:
        selection = {key: value for key, value in event.to_document().items() if key != "kind"}
        if self.run.selection == selection:
            return False
        self.changes |= {"selection": selection, "chosen_number": event.chosen}
        self._front_is(event.front, event.fidelity)
        return True

    @enter.register
    def _(self, event: engine.TestMeasured) -> bool:
        measured = self.run.evaluations.filter(number=event.number, test_accuracy__isnull=False)
        if event.number in self.test_accuracies or measured.exists():
            return False
        self.test_accuracies[event.number] = event.test_accuracy
        return True

    @enter.register
    def _(self, event: engine.SearchFinished) -> bool:
        ours = self._history_sha256()
        if ours != event.history_sha256:
            raise HistoryDiffers(
                f"The rows' history hash is {ours}, but the engine's is {event.history_sha256}: an evaluation was lost "
                "or changed on its way. Clone the run to search again."
            )
        self.changes |= {
            "history_sha256": ours,
            "hypervolume": event.hypervolume,
            "reason": event.reason,
            "phase": "code",
        }
        return True

    @enter.register
    def _(self, event: engine.SearchFailed) -> bool:
        self.changes |= {"reason": event.reason, "traceback": event.traceback}
        return True

    def ending(self, event: engine.Event) -> list[StatusChanged]:
        """The last event of a search and the run's last status are one fact; a cancellation under way goes first."""
        ends = {engine.SearchFinished: Status.FINISHED, engine.SearchFailed: Status.FAILED}
        target = ends.get(type(event))
        if target is None or Status(self.run.status) not in sources(target):
            return []
        self.changes |= {"status": target, "finished": self.at, "lease_until": None}
        run = SearchRun.objects.get(pk=self.run.pk)  # by now its name and its starter may be others
        if isinstance(event, engine.SearchFinished):
            control_start(run=run, cost=event.cost)
        run_ended(run=run, status=target, reason=self.now("reason"))
        return [StatusChanged(target, reason=self.now("reason"))]

    def _count(self, name: str, more: int = 1) -> None:
        self.changes[name] = min(self.now(name) + more, LARGEST)

    def _front_is(self, front: Sequence[int], fidelity: int | None) -> None:
        self.front = front, fidelity
        self.changes["front_size"] = len(front)

    def _knows_candidate(self, number: int) -> bool:
        entered = any(each.number == number for each in self.candidates)
        return entered or self.known.candidate(number) is not None

    def _knows_evaluation(self, number: int, fidelity: int) -> bool:
        entered = any((each.number, each.fidelity) == (number, fidelity) for each in self.evaluations)
        return entered or self.known.has_result(number, fidelity)

    def _history_sha256(self) -> str:
        rows = [(number, fidelity, line) for number, fidelity, line in self.run.lines()]
        rows += [(each.number, each.fidelity, each.line) for each in self.evaluations]
        rows += [(each.number, 0, each.line) for each in self.steps]
        return history.lines_sha256((line for _, _, line in sorted(rows)), self.now("header") or {})


def went_on(begun: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """Returns where a search began, and where else it went on: its page says what is no longer promised."""
    first = {name: value for name, value in begun.items() if name != history.WENT_ON}
    return dict(begun) if first == now else first | {history.WENT_ON: dict(now)}


def evaluation_of(event: engine.EvaluationFinished, run: SearchRun) -> Evaluation:
    """The row of an accepted evaluation."""
    return Evaluation(
        run=run,
        number=event.number,
        place=event.place,
        fidelity=event.fidelity,
        fingerprint=event.fingerprint,
        line=history.canonical(history.line(event)),
        status=event.status,
        reason=event.reason,
        values=engine.plain(event.values),
        accuracy=event.values.get("accuracy") if event.status == "done" else None,
        seconds=event.timing.get("seconds", 0.0),
        timing=engine.plain(event.timing),
        curve=engine.plain(event.curve),
        files=engine.plain(event.files),
        is_cached=event.cached,
    )


def step_of(event: engine.StepFinished, run: SearchRun) -> Step:
    """The row of an accepted step."""
    return Step(
        run=run,
        number=event.number,
        step=event.step,
        line=history.canonical(history.line(event)),
        status=event.status,
        reason=event.reason,
        report=engine.plain(event.report),
        seconds=event.timing.get("seconds", 0.0),
        timing=engine.plain(event.timing),
        files=engine.plain(event.files),
    )


@transaction.atomic
def progress_record(*, run_id: int, token: int, reports: Sequence[engine.Progress]) -> None:
    """Overwrites one row per evaluator. Nothing rests on it, so a lost lease only makes it silent."""
    if not SearchRun.objects.held(token).filter(pk=run_id).exists():
        return
    at = timezone.now()
    for report in reports:
        payload = {key: value for key, value in report.to_document().items() if key != "kind"}
        Progress.objects.update_or_create(
            run_id=run_id, evaluator=report.evaluator, defaults={"payload": payload, "at": at}
        )
