"""What the form foretells: it grows with the work, keeps the wall-clock limit, and needs no torch."""

import subprocess
import sys

from architectures import spaces
from searches.selectors.estimate import estimate
from searches.spec import SearchSpec


def foretold(**changes: object) -> float:
    return estimate(SearchSpec.from_document(changes)).seconds


def test_it_counts_the_space_and_the_candidates() -> None:
    found = estimate(SearchSpec())
    assert found.space_size == spaces.create("chain", (1, 8, 8), 10).size
    assert found.candidates == SearchSpec().evaluations
    assert found.memory_bytes > 100_000


def test_it_grows_with_the_work() -> None:
    assert foretold(evaluations=240) > foretold(evaluations=24)
    assert foretold(training={"epochs": 50}) > foretold(training={"epochs": 5})


def test_a_supernet_has_to_be_trained_before_it_saves_anything() -> None:
    screened, shared = ({"evaluations": 100, "ladder": {"proxy": proxy}} for proxy in ("synflow", "supernet"))
    assert foretold(**screened) < foretold(**shared) < foretold(evaluations=100)


def test_a_wall_clock_limit_bounds_it() -> None:
    assert foretold(evaluations=100_000, seconds=60) == 60


def test_it_repeats_under_its_seed() -> None:
    assert estimate(SearchSpec(seed=3)) == estimate(SearchSpec(seed=3))


def test_it_does_not_import_torch() -> None:
    code = "import sys; from searches.selectors.estimate import estimate; from searches.spec import SearchSpec; "
    code += "estimate(SearchSpec()); sys.exit('torch' in sys.modules)"
    asked = subprocess.run([sys.executable, "-c", code], check=False)
    assert asked.returncode == 0
