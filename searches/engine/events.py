"""What a search reports: a closed set of frozen classes, each in the past tense, each with a JSON document.

A class says all that others ask of its kind: its sentence for the log of page, API and terminal, how a repeated one is
known, and whether its newest document stands in snapshots and in front.json.

The stream of a resumed search begins with SearchStarted again and repeats what was proposed above the last accepted
evaluation; numbers and generations are the identity of what is repeated. EvaluationFinished is never repeated.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeAlias, get_args

JSON: TypeAlias = Any  # what json.loads gives
MAX_LINE = 1 << 16  # bytes
PHASES = ("problem", "space", "search", "selection", "code")


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"


class UnknownEvent(ValueError):
    """A document that no event class reads: written by another version, or not by the engine."""


class Worded:
    """What has a kind, its class name, and a sentence."""

    kind: ClassVar[str]
    shown_as: ClassVar[str] = ""  # what the page's filter calls these; empty: they cannot be looked at alone

    def __init_subclass__(cls) -> None:
        cls.kind = cls.__name__

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        """Says in words what a document of this kind reports; a stored one lacks what no browser needs.

        Raises KeyError for a document of a version that had other fields.
        """
        return cls.kind


@dataclass(frozen=True)
class Reported(Worded):
    """What all events share: their document is their fields."""

    identity: ClassVar[tuple[str, ...] | None] = None  # fields by which a repeated one is known; None: each is new
    kept_as: ClassVar[str] = ""  # the name under which the newest one stands in a snapshot's run and in front.json

    def in_words(self) -> str:
        return self.sentence(self.to_document())

    def to_document(self) -> dict[str, JSON]:
        return {"kind": self.kind} | {each.name: plain(getattr(self, each.name)) for each in fields(self)}


@dataclass(frozen=True)
class SearchStarted(Reported):
    header: Mapping[str, JSON]

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return "The engine started"


@dataclass(frozen=True)
class PhaseChanged(Reported):
    phase: str  # one of PHASES

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return f"Phase: {document['phase']}"


@dataclass(frozen=True)
class CandidateProposed(Reported):
    number: int
    fingerprint: str
    genotype: Sequence[int]
    parents: Sequence[int]  # numbers
    change: str  # in words, against the first parent
    graph: JSON  # compact form
    params: int
    macs: int
    memory_bytes: int  # peak of the activations, batch 1
    generation: int

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return f"#{document['number']} proposed: {document['change'] or 'from nothing'}"


@dataclass(frozen=True)
class ProposalRefused(Reported):
    """Draws that broke a limit; they cost nothing."""

    number: int
    reason: str  # of the last of them
    times: int

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return f"#{document['number']}: {document['times']} rejected, {document['reason']}"


@dataclass(frozen=True)
class DuplicateProposed(Reported):
    """A network that has a number already; it takes a number and costs nothing."""

    number: int
    fingerprint: str
    of: int

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return f"#{document['number']} is the same network as #{document['of']}"


@dataclass(frozen=True)
class CandidatePromoted(Reported):
    """A network that is to be measured once more, at a higher fidelity; it keeps its number."""

    shown_as = "promotions"

    number: int
    fidelity: int  # of the result that earned it
    to: int
    reason: str
    place: int  # in the sequence

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        number, fidelity, to = document["number"], document["fidelity"], document["to"]
        return f"#{number} promoted from {fidelity} to {to} epochs: {document['reason']}"


@dataclass(frozen=True)
class SupernetJudged(Reported):
    """The first networks are on both of the lowest rungs, and their orders were compared; once in a search."""

    shown_as = "the check of the supernet"
    kept_as = "supernet"

    place: int  # in the sequence, from which on the supernet's rung is used or skipped
    is_trusted: bool
    networks: int
    tau: float | None  # Kendall's, against ``fidelity``; None where there is none to be had
    low: float | None  # of its interval
    high: float | None
    level: float  # of the interval
    fidelity: int  # epochs
    reason: str  # all of this in words

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return str(document["reason"])


@dataclass(frozen=True)
class StageChanged(Reported):
    """The algorithm draws from another part of the space, from this number on."""

    stage: int
    number: int
    name: str
    reason: str
    changes: Sequence[str]  # decisions that were opened, narrowed or frozen, and why

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return f"Stage {document['name']} from #{document['number']} on: {document['reason']}"


@dataclass(frozen=True)
class EvaluationStarted(Reported):
    number: int
    fidelity: int

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        fidelity = document["fidelity"]
        doing = f"in training, {counted(fidelity, 'epoch')}" if fidelity else "is scored"
        return f"#{document['number']} {doing}"


@dataclass(frozen=True)
class EvaluationFinished(Reported):
    """An accepted result. These, in their order, are the history of a search."""

    shown_as = "results"

    number: int
    fidelity: int  # epochs
    fingerprint: str
    genotype: Sequence[int]
    parents: Sequence[int]
    change: str
    values: Mapping[str, float]  # empty where the candidate failed
    status: str  # done or failed
    reason: str  # empty where it is done
    timing: Mapping[str, JSON]  # the only part that differs between equal searches
    curve: Sequence[Sequence[float | None]]  # epoch, training loss, validation accuracy
    files: Mapping[str, JSON]  # name: {path below the folder of the run, sha256}
    cached: bool = False
    place: int | None = None  # in the sequence, where it is not the number: a promotion, or a full training at the end

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        number, values = document["number"], document["values"]
        if document["status"] != "done":
            return f"#{number} failed: {document['reason']}"
        if "accuracy" in values:
            return f"#{number} trained: accuracy {percent(values['accuracy'])}"
        # What stands for accuracy below the first training is never called so.
        if "supernet" not in values:
            return f"#{number} scored by a zero-cost proxy"
        return f"#{number} estimated: {percent(values['supernet'])} with the weights of the supernet, for ranking only"


@dataclass(frozen=True)
class StepFinished(Reported):
    """An accepted unit of the algorithm's own learning; a part of the history, too, and never repeated."""

    shown_as = "learning steps"

    number: int
    step: str
    options: Mapping[str, JSON]
    change: str
    report: Mapping[str, JSON]  # empty where it failed
    status: str  # done or failed
    reason: str
    cost: int  # multiply-adds; counted
    timing: Mapping[str, JSON]
    files: Mapping[str, JSON]

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        step, report = document["step"], document["report"] or {}
        if document["status"] == "failed":
            return f"A step of {step} failed: {document['reason']}"
        of = f" of {report['epochs']}" if report.get("epochs") else ""
        return f"{step}: step {report.get('epoch', '')}{of}"


@dataclass(frozen=True)
class GenerationFinished(Reported):
    shown_as = "generations"

    generation: int
    evaluated: int
    hypervolume: float  # share of the box between the reference point and the ideal point
    front: Sequence[int]  # numbers
    best: Mapping[str, float]
    mean: Mapping[str, float]
    insight: Mapping[str, JSON] = field(default_factory=dict)  # what the algorithm reports about itself
    fidelity: int | None = None  # epochs, of front, hypervolume, best and mean

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return f"Generation {document['generation'] + 1} complete, {len(document['front'])} on the front"


@dataclass(frozen=True)
class SelectionFinished(Reported):
    chosen: int | None  # nothing feasible: None
    front: Sequence[int]
    how: str  # knee, vote, or weights:…
    reasons: Sequence[str]
    ballots: Sequence[Mapping[str, JSON]] = ()  # voter, ranking (empty: abstains), reason: for a vote on the page
    fidelity: int | None = None  # epochs, of the front

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        chosen = document["chosen"]
        return f"Selected by {document['how']}: {'none' if chosen is None else f'#{chosen}'}"


@dataclass(frozen=True)
class TestMeasured(Reported):
    """The test split, read once for each member of the front after the selection is frozen."""

    __test__: ClassVar[bool] = False  # not a test case

    number: int
    test_accuracy: float

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return f"#{document['number']}: test accuracy {percent(document['test_accuracy'])}"


@dataclass(frozen=True)
class SearchFinished(Reported):
    reason: str
    evaluations: int
    hypervolume: float
    history_sha256: str
    reference_point: Sequence[float] | None = None  # in the objectives' units, in their order
    cost: int = 0  # counted multiply-adds of the search; the full training of the front is not in it

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return f"The search is finished: {document['reason']}"


@dataclass(frozen=True)
class SearchFailed(Reported):
    """A broken spec or engine; a candidate's own failure is an EvaluationFinished."""

    reason: str
    traceback: str

    @classmethod
    def sentence(cls, document: Mapping[str, JSON]) -> str:
        return f"The search failed: {document['reason']}"


@dataclass(frozen=True)
class Progress(Reported):
    """What an evaluator is doing now: overwritten, never stored as an event."""

    evaluator: int
    number: int
    epoch: int
    epochs: int
    loss: float | None
    accuracy: float | None
    seconds_left: float | None = field(default=None)


Event: TypeAlias = (
    SearchStarted
    | PhaseChanged
    | CandidateProposed
    | ProposalRefused
    | DuplicateProposed
    | CandidatePromoted
    | SupernetJudged
    | StageChanged
    | EvaluationStarted
    | EvaluationFinished
    | StepFinished
    | GenerationFinished
    | SelectionFinished
    | TestMeasured
    | SearchFinished
    | SearchFailed
)
KINDS: Mapping[str, type[Event | Progress]] = {each.kind: each for each in (*get_args(Event), Progress)}


def from_document(document: Mapping[str, JSON]) -> Event | Progress:
    """Reads the event of a document; fields that a later version added are left out.

    Raises UnknownEvent where the kind is unknown or a field is missing.
    """
    kind = str(document.get("kind"))
    if kind not in KINDS:
        raise UnknownEvent(f"no event is of the kind {kind!r}; the kinds are {', '.join(KINDS)}")
    known = {each.name for each in fields(KINDS[kind])}
    try:
        return KINDS[kind](**{name: value for name, value in document.items() if name in known})
    except TypeError as error:
        raise UnknownEvent(f"the document of a {kind} is incomplete: {error}") from error


def line(report: Event | Progress) -> bytes:
    """One line of JSON for the pipe, at most MAX_LINE long: of a very long learning curve every k-th row is kept."""
    document = report.to_document()
    written = json.dumps(document, allow_nan=False).encode() + b"\n"
    while len(written) > MAX_LINE and len(document.get("curve", ())) > 2:
        curve = document["curve"]
        document["curve"] = [*curve[:-1:2], curve[-1]]
        written = json.dumps(document, allow_nan=False).encode() + b"\n"
    return written


def plain(value: JSON) -> JSON:
    """Tuples as lists and mappings as dicts, all the way down: equal to what JSON gives back."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value
