"""The searches whose histories are kept, and the bytes of such a history: what its hash is made of."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from searches.engine.events import EvaluationFinished, SearchFinished, SearchStarted, StepFinished
from searches.engine.history import canonical, line, names, order
from searches.engine.random_control import control_spec
from searches.engine.search import search
from searches.evaluation.steps import single_path
from searches.spec import SearchSpec
from tests.support.formula import FormulaExecutor, supernet_step

HASHES = Path(__file__).parent / "hashes.json"
HISTORIES = Path(__file__).parent / "histories"
SMALL: dict[str, Any] = {"objectives": ["accuracy", "params"], "evaluations": 40, "seed": 1}
CONTROLLED, CONTROL = "nsga2 with a control", "the control of nsga2"


@dataclass(frozen=True)
class Case:
    """A search by formula: what its spec changes of the small one, and how its executor behaves."""

    changes: Mapping[str, Any] = field(default_factory=dict)
    fails: frozenset[int] = frozenset()
    is_contrary: bool = False  # the supernet ranks the worst first

    @property
    def spec(self) -> SearchSpec:
        return SearchSpec.from_document({**SMALL, **self.changes})

    @property
    def executor(self) -> FormulaExecutor:
        made = FormulaExecutor(self.fails)
        made.supernet = contrary if self.is_contrary else made.supernet
        return made


@dataclass(frozen=True)
class History:
    """Header and lines in the order of their hash."""

    text: str
    sha256: str  # as the search itself told it
    cost: int


def contrary(quality: float) -> float:
    return 1 - quality


ENSEMBLE = {
    "algorithm": "portfolio",
    "algorithm_options": {"members": "nsga2,predictor,reinforce,regularized_evolution"},  # without steps
}
ALONE: Mapping[str, Mapping[str, Any]] = {
    "nsga2": {"algorithm": "nsga2"},
    "portfolio": ENSEMBLE,
    "predictor": {"algorithm": "predictor"},
    "progressive": {"algorithm": "progressive"},
    "random_search": {"algorithm": "random_search"},
    "regularized_evolution": {"algorithm": "regularized_evolution"},
    "reinforce": {"algorithm": "reinforce"},
}
CLIMB = {"proxy": "synflow", "rungs": "2,8", "promote_by": "training_loss", "final_epochs": 12, "final_seeds": 2}
SCREEN = {"proxy": "supernet", "rungs": "1,2", "eta": 2, "supernet_epochs": 3, "trial_networks": 6}
TIGHT = {"max_params": 20_000, "max_flops": 3_000_000}

FORMULA: Mapping[str, Case] = {
    **{name: Case(changes) for name, changes in ALONE.items()},
    **{f"{name}, seed 2": Case({**changes, "seed": 2}) for name, changes in ALONE.items()},
    "nsga2, 200 networks": Case({"evaluations": 200, "algorithm_options": {"population": 16}}),
    "nsga2 on cell201": Case({"space": "cell201"}),
    "nsga2 on mobile": Case({"space": "mobile"}),
    "nsga2 on a ladder": Case({"ladder": CLIMB}),
    "predictor on a ladder": Case({"algorithm": "predictor", "ladder": {"proxy": "naswot", "rungs": "1,3"}}),
    "nsga2 with a supernet": Case({"ladder": SCREEN}),
    "nsga2 with a supernet that is wrong": Case({"ladder": SCREEN}, is_contrary=True),
    "nsga2 by generations": Case({"synchronisation": "generational", "algorithm_options": {"population": 8}}),
    "nsga2 with inheritance": Case({"training": {"inherit": True}, "ladder": {"rungs": "2,8"}}),
    "nsga2 within limits": Case({"limits": TIGHT}),
    "nsga2 with failures": Case(fails=frozenset({0, 5, 17})),
    "nsga2 at a counted cost": Case({"max_cost": 500_000_000_000}),
    "portfolio with a vote": Case({**ENSEMBLE, "choose": "vote"}),
    CONTROLLED: Case({"control": True, "evaluations": 12}),
}
KEPT = ("nsga2", "nsga2 on a ladder", "portfolio")  # whole, so that a change of a byte is seen as such


def history(spec: SearchSpec, executor: FormulaExecutor) -> History:
    """Returns the hash of an undisturbed search by formula, without a portal."""
    with TemporaryDirectory() as folder, steps_by_formula():
        reports = list(search(spec, executor=executor, folder=Path(folder)))
    (header,) = (each.header for each in reports if isinstance(each, SearchStarted))
    lines = [line(each) for each in reports if isinstance(each, EvaluationFinished | StepFinished)]
    finished = reports[-1]
    assert isinstance(finished, SearchFinished)
    return History(history_text(header, lines), finished.history_sha256, finished.cost)


@contextmanager
def steps_by_formula() -> Iterator[None]:
    """A supernet's epochs without training."""
    with patch.object(single_path, "perform", supernet_step):
        yield


def history_text(header: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> str:
    """Writes a history without machine, timing and files: the sha256 of these bytes is the history's."""
    ordered = sorted(lines, key=order)
    rows = [header, *({name: entry[name] for name in names(entry)} for entry in ordered)]
    return "".join(f"{canonical(row)}\n" for row in rows)


def case_history(name: str) -> History:
    case = FORMULA[name]
    return history(case.spec, case.executor)


def control_history() -> History:
    """Random search at what the search itself has cost."""
    case = FORMULA[CONTROLLED]
    return history(control_spec(case.spec, case_history(CONTROLLED).cost), case.executor)


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def kept_at(name: str) -> Path:
    return HISTORIES / f"{name.replace(' ', '_')}.jsonl"
