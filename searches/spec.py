"""The search spec: what form, API, command line and engine share. Frozen, versioned, and the one validator."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from architectures import options, spaces
from architectures.documents import SpecError, SpecErrors, describe, did_you_mean, shorten
from architectures.options import Option, Reading, option
from architectures.registry import UnknownName
from architectures.spaces.limits import Limits
from architectures.spaces.reach import unreachable
from profiling import targets
from searches import algorithms, objectives
from searches.evaluation import datasets
from searches.evaluation.fidelity import SUPERNET, Ladder
from searches.evaluation.training.recipe import Recipe
from searches.pareto.choice import ChoiceError, SelectionRule

VERSION = 1
MAX_SEED = 2**63 - 1  # what a database column holds
MAX_COST = 2**63 - 1
SHARED = ("chain", "mobile")  # spaces whose networks were shown to share weights
NOMINAL = (3, 32, 32), 10  # stands for the images of a dataset that cannot be asked


@dataclass(frozen=True)
class SearchSpec:
    """Everything that decides a search. Two equal specs on one kind of machine give one history."""

    dataset: str = option("digits", "the images to classify: a built-in dataset or one of your own", label="images")
    space: str = option("chain", "which networks there are to find", label="search space")
    space_options: Mapping[str, Any] = option(help="options of the search space by name", factory=dict)
    limits: Limits = option(Limits(), "what a network must keep to; checked before anything is trained")
    algorithm: str = option("nsga2", "how networks are proposed")
    algorithm_options: Mapping[str, Any] = option(help="options of the algorithm by name", factory=dict)
    objectives: tuple[str, ...] = option(
        ("accuracy", "latency", "params"), "the Pareto front holds the best trade-offs between these"
    )
    target: str = option(
        "this_machine",
        "where the network will run; time is measured on this machine and on your own devices, and estimated for other "
        "hardware",
        label="hardware target",
    )
    when_away: str = option(
        "pause",
        "while a device that is the target is away: pause the search, or let the device's calibrated model estimate",
        label="when the device is away",
        choices=("pause", "model"),
        advanced=True,
    )
    training: Recipe = option(Recipe(), "how each candidate is trained")
    ladder: Ladder = option(Ladder(), "the fidelity ladder: few epochs for all networks, more for the best")
    evaluations: int = option(
        24,
        "distinct networks that are trained; duplicates and rejected proposals are not counted",
        min=1,
        max=1_000_000,
    )
    seconds: float | None = option(
        None,
        "wall-clock time after which the search stops; it has no other influence on the search",
        label="time limit",
        unit="s",
        min=1.0,
        empty="no limit",
    )
    max_cost: int | None = option(
        None,
        "budget of all trainings and steps together, counted in multiply-adds; the search stops when it is spent",
        label="compute cost, at most",
        unit="multiply-adds",
        min=1,
        max=MAX_COST,
        empty="no limit",
        advanced=True,
    )
    seed: int = option(0, "equal seeds give equal searches", min=0, max=MAX_SEED)
    deadline_seconds: float = option(
        600.0,
        "a candidate whose training takes longer is recorded as failed",
        label="candidate timeout",
        unit="s",
        min=1.0,
        max=604_800.0,
        advanced=True,
    )
    training_memory_bytes: int = option(
        2 * 2**30,
        "a candidate whose training needs more memory is recorded as failed",
        label="training memory, at most",
        unit="bytes",
        min=2**26,
        max=2**42,
        advanced=True,
    )
    lag: int = option(
        8,
        "a proposal may use results that are at least this many proposals old",
        label="staleness (lag)",
        unit="proposals",
        min=0,
        max=1024,
        advanced=True,
    )
    synchronisation: str = option(
        "asynchronous",
        "generational: a generation waits for the whole one before it, and the staleness has no effect",
        choices=("asynchronous", "generational"),
        advanced=True,
    )
    control: bool = option(
        False, "afterwards random search runs at the same compute cost, for comparison", label="random baseline"
    )
    choose: str = option(
        "knee", "how one network of the front is selected: knee, vote, or weights:accuracy=.7,latency=.3",
        label="select at the end by",
    )  # fmt: skip
    task: str = option("image_classification", "what the networks do", choices=("image_classification",))
    version: int = option(VERSION, "version of the spec's format", choices=(VERSION,))

    @classmethod
    def from_document(cls, document: Any, *, files: bool = False) -> "SearchSpec":
        """The spec of a JSON document, or SpecErrors with all faults.

        ``files`` allows a path as the dataset: for those who may read any file of this machine anyway.
        """
        if not isinstance(document, Mapping):
            raise SpecErrors((SpecError("", f"a spec must be a JSON object, but is {describe(document)}"),))
        if document.get("version", VERSION) != VERSION:
            problem = SpecError("version", f"must be {VERSION}, but is {describe(document['version'])}")
            raise SpecErrors((problem,))
        reading = Reading()
        spec: SearchSpec = reading.read(cls, document, "")
        problems = [*reading.problems]
        broken = {problem.field.partition(".")[0] for problem in problems}
        problems += [problem for problem in faults(spec, files) if problem.field.partition(".")[0] not in broken]
        if problems:
            raise SpecErrors(tuple(problems))
        return replace(
            spec,
            algorithm_options=whole_numbers(algorithms.get(spec.algorithm), spec.algorithm_options),
            space_options=whole_numbers(spaces.get(spec.space), spec.space_options),
        )

    def to_document(self) -> dict[str, Any]:
        """The canonical document: every field, defaults written out, options of space and algorithm included."""
        document = options.to_document(self)
        document["algorithm_options"] = self.algorithm_settings()
        document["space_options"] = self._space_settings()
        return json.loads(json.dumps(document, allow_nan=False))  # type: ignore[no-any-return]  # tuples become lists

    @classmethod
    def completed(cls, document: Any) -> Any:
        """A stored spec with fields that a later version added, at their defaults: that is how it was searched."""
        try:
            return cls.from_document(document, files=True).to_document()
        except SpecErrors:
            return document  # what cannot be read any more is compared as it stands

    @property
    def fidelities(self) -> tuple[int, ...]:
        """Epochs of the ladder's rungs, from cheap to costly; 0 is a proxy."""
        return self.ladder.fidelities(self.training.epochs)

    def algorithm_settings(self) -> dict[str, Any]:
        """The algorithm's options by name, defaults included."""
        values = [(each, self.algorithm_options.get(each.name, each.default)) for each in self.options()]
        return {each.name: value for each, value in values if not each.is_silent(value)}

    def options(self) -> tuple[Option, ...]:
        """The options that the algorithm has."""
        return options.options(algorithms.get(self.algorithm))

    def _space_settings(self) -> dict[str, Any]:
        """The options of the space that were given, by name."""
        silent = {
            each.name
            for each in options.options(spaces.get(self.space))
            if each.is_silent(self.space_options.get(each.name))
        }
        return {name: self.space_options[name] for name in sorted(self.space_options) if name not in silent}


def whole_numbers(owner: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Legal options as a canonical document has them; only whole numbers that were given as floats change."""
    known = {each.name: each for each in options.options(owner)}
    return {name: options.whole(known[name], value) for name, value in given.items()}


def faults(spec: SearchSpec, files: bool) -> Iterator[SpecError]:
    """Yields what no single field shows: names of the registries, and fields that contradict each other."""
    yield from named("algorithm", spec.algorithm, algorithms)
    yield from tuple(named("target", spec.target, targets)) or target_faults(spec)
    yield from objective_faults(spec)
    yield from dataset_faults(spec, files)
    yield from algorithm_faults(spec)
    yield from space_faults(spec)
    broken = [SpecError(f"limits.{name}", message) for name, message in spec.limits.faults()]
    yield from broken or reach_faults(spec)
    yield from choice_faults(spec)
    yield from ladder_faults(spec)


def named(path: str, name: str, registry: Any) -> Iterator[SpecError]:
    try:
        registry.get(name)
    except UnknownName as error:
        yield SpecError(path, f"is not known: {error}")


def target_faults(spec: SearchSpec) -> Iterator[SpecError]:
    """Nothing is measured where this machine cannot; a device is another machine."""
    target = targets.get(spec.target)
    if absence := target.absence():
        yield SpecError("target", f"cannot be measured: {absence}")
    elif target.device and targets.device_number(spec.target) is not None:
        yield SpecError("target", "must name the device by the kind of its hardware, such as raspberry_pi_4@7")


def objective_faults(spec: SearchSpec) -> Iterator[SpecError]:
    if not spec.objectives:
        yield SpecError("objectives", f"must name at least one of {', '.join(objectives.names())}")
    for index, name in enumerate(spec.objectives):
        yield from named(f"objectives.{index}", name, objectives)
        if name in spec.objectives[:index]:
            yield SpecError(f"objectives.{index}", f"must not repeat {name!r}; name each objective once")


def dataset_faults(spec: SearchSpec, files: bool) -> Iterator[SpecError]:
    if spec.dataset in datasets.names():
        if absence := datasets.absence(spec.dataset):
            yield SpecError("dataset", f"cannot be opened: {absence}")
        return
    try:
        if datasets.is_upload(spec.dataset):
            datasets.facts(spec.dataset)
            return
        if files and datasets.exists(spec.dataset):
            return
    except datasets.DataSetError as error:
        yield SpecError("dataset", f"cannot be opened: {error}")
        return
    close = did_you_mean(spec.dataset, list(datasets.names()))
    way_out = " or give the path of an npz file, a zip or a folder" if files else ""
    yield SpecError("dataset", f"is not known: no dataset is named {shorten(spec.dataset)!r}; {close}{way_out}")


def algorithm_faults(spec: SearchSpec) -> Iterator[SpecError]:
    if spec.algorithm not in algorithms.names():
        return
    reading = Reading()
    algorithm = reading.read(algorithms.get(spec.algorithm), spec.algorithm_options, "algorithm_options")
    yield from reading.problems
    if not reading.problems:
        for name, message in algorithm.faults():
            yield SpecError(f"algorithm_options.{name}", message)
        yield from supernet_faults(spec)


def supernet_faults(spec: SearchSpec) -> Iterator[SpecError]:
    """Some algorithms know a few spaces only; the ensemble leaves such a member out."""
    known = getattr(algorithms.get(spec.algorithm), "spaces", ())
    if known and spec.space not in known and spec.space in spaces.names():
        yield SpecError("space", f"must be {' or '.join(known)} for {spec.algorithm}, but is {spec.space}")


def space_faults(spec: SearchSpec) -> Iterator[SpecError]:
    try:
        shape, classes = nominal(spec.dataset)
        spaces.create(spec.space, shape, classes, **spec.space_options)
    except UnknownName as error:
        yield SpecError("space", f"is not known: {error}")
    except spaces.SpaceError as error:
        yield SpecError(f"space_options.{error.field}", error.message)


def nominal(dataset: str) -> tuple[tuple[int, ...], int]:
    if dataset not in datasets.names():
        return NOMINAL
    facts = datasets.facts(dataset)
    return facts.input_shape, facts.classes


def reach_faults(spec: SearchSpec) -> Iterator[SpecError]:
    """Limits that no network of the space keeps, said before anything is drawn; of a file's images nothing is known."""
    if spec.space not in spaces.names() or spec.dataset not in datasets.names():
        return
    try:
        space = spaces.create(spec.space, *nominal(spec.dataset), **spec.space_options)
    except spaces.SpaceError:
        return  # space_faults says it
    for error in unreachable(space, spec.limits):
        yield SpecError(error.field, error.message)


def ladder_faults(spec: SearchSpec) -> Iterator[SpecError]:
    for name, message in spec.ladder.faults(spec.training.epochs):
        yield SpecError(f"ladder.{name}", message)
    if spec.ladder.final_replicas > spec.training.batch_size:
        message = f"must be at most the batch ({spec.training.batch_size} images), but is {spec.ladder.final_replicas}"
        yield SpecError("ladder.final_replicas", message)
    if spec.ladder.promote_by != "accuracy" and "accuracy" not in spec.objectives:
        yield SpecError("ladder.promote_by", "replaces accuracy, which is not an objective here; leave it out")
    if spec.ladder.proxy and "accuracy" not in spec.objectives:
        yield SpecError("ladder.proxy", "replaces accuracy, which is not an objective here; leave it empty")
    if spec.ladder.proxy == SUPERNET:
        yield from shared_weights_faults(spec)


def shared_weights_faults(spec: SearchSpec) -> Iterator[SpecError]:
    if spec.space in spaces.names() and spec.space not in SHARED:
        rule = f"shares weights between networks of {' or '.join(SHARED)} only, but the space is {spec.space}"
        yield SpecError("ladder.proxy", f"{SUPERNET} {rule}; take another proxy, such as synflow, or leave it empty")
    if spec.ladder.trial_networks >= spec.evaluations:
        rule = f"must be below evaluations ({spec.evaluations:,}), but is {spec.ladder.trial_networks}"
        yield SpecError("ladder.trial_networks", f"{rule}: a supernet that is only tried saves nothing")


def choice_faults(spec: SearchSpec) -> Iterator[SpecError]:
    try:
        SelectionRule.parse(spec.choose).check(spec.objectives)
    except ChoiceError as error:
        yield SpecError("choose", str(error))


__all__ = ["SearchSpec", "SpecError", "SpecErrors"]
