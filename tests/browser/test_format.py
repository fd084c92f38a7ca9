"""Numbers look the same whether the server or the browser writes them."""

from base64 import b64encode
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from searches.formatting import duration, figure

MODULE = Path(__file__).parents[2] / "static" / "js" / "format.js"
VALUES = (None, 0, 0.5, 1, 0.0042, 0.9434, 7.127, 12.34, 247.3, 999.6, 5346, 247_312, 999_999, 18.3e6, 2.5e9, 4e12)
SECONDS = (None, 0.2, 1, 12.4, 59.4, 61, 192.6, 3599, 3600, 7322, 90_000)


@pytest.mark.parametrize("unit", ["%", "ms", "mJ", "B", ""])
def test_figures_are_written_alike(browser: Browser, unit: str) -> None:
    assert written(browser, "figure", VALUES, unit) == [figure(value, unit) for value in VALUES]


def test_durations_are_written_alike(browser: Browser) -> None:
    assert written(browser, "duration", SECONDS) == [duration(value) for value in SECONDS]


def test_one_is_no_plural_and_thousands_have_a_comma(browser: Browser) -> None:
    assert written(browser, "counted", (0, 1, 2, 10_000), "candidate") == [
        "0 candidates", "1 candidate", "2 candidates", "10,000 candidates",
    ]  # fmt: skip


def written(browser: Browser, function: str, values: tuple[float | None, ...], *rest: str) -> list[str]:
    page = browser.new_page()
    source = "data:text/javascript;base64," + b64encode(MODULE.read_bytes()).decode()
    script = "async ([source, name, values, rest]) => { const module = await import(source);"
    script += " return values.map((value) => module[name](value, ...rest)); }"
    answer: list[str] = page.evaluate(script, [source, function, values, rest])
    page.close()
    return answer
