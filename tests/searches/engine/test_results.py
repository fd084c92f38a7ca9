"""What evaluators answer becomes a line's values; the interval of a mean is recorded, so its bits stay."""

import pytest
from scipy.stats import t

from searches.engine.output.results import T95, averaged


def test_the_interval_of_a_mean_is_students() -> None:
    assert {count: round(float(t.ppf(0.975, count - 1)), 3) for count in T95} == T95


def test_a_recorded_interval_keeps_its_bits() -> None:
    found = averaged([0.91, 0.93, 0.9])
    assert found["accuracy_interval"].hex() == "0x1.36e098c773aa4p-5"
    assert found["accuracy"] == pytest.approx(0.9133333)
    assert averaged([0.91]) == {}
