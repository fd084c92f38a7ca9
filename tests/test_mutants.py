"""The mutants of `make mutants` can be put in: what they change stands there, once."""

from dataclasses import replace

import pytest

from tests.mutants import MUTANTS, ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_a_mutant_changes_stands_there_once(mutant: Mutant) -> None:
    assert mutant.text(ROOT) != (ROOT / mutant.file).read_text(encoding="utf-8")
    assert (ROOT / "tests" / "areas" / mutant.area).is_file()


def test_a_mutant_whose_place_is_gone_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must stand once in searches/pareto/volume\.py, not 0 times"):
        replace(MUTANTS[0], file="searches/pareto/volume.py").text(ROOT)
