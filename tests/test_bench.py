"""`python -m bench`: an extra that is missing is named before anything runs."""

import re
import threading
from pathlib import Path

import pytest

from bench import __main__ as bench

FOLDER = Path(bench.__file__).parent


def test_every_benchmark_is_declared() -> None:
    runs = {path.stem for path in FOLDER.glob("*.py") if re.search(r"^def run\(\)", path.read_text("utf-8"), re.M)}
    assert runs == set(bench.BENCHES)


def test_it_names_the_extra_that_it_lacks(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bench, "find_spec", lambda name: None if name == "optuna" else object())
    monkeypatch.delenv("NASPORTAL_BENCH_PARTS", raising=False)
    monkeypatch.setattr(bench, "run", lambda name: pytest.fail("nothing may run"))
    assert bench.main(["algorithms"]) == 2
    wanted = "algorithms needs optuna: .venv/bin/pip install -c constraints.txt -e '.[bench]'\n"
    assert capsys.readouterr().err == wanted


def test_parts_without_the_extra_run_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "find_spec", lambda name: None)
    monkeypatch.setenv("NASPORTAL_BENCH_PARTS", "vote,learns")
    assert bench.lacks("algorithms") == ""
    monkeypatch.setenv("NASPORTAL_BENCH_PARTS", "vote,front")
    assert bench.lacks("algorithms") != ""


def test_an_unknown_name_is_refused_with_those_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["algorithm"]) == 2
    assert capsys.readouterr().err.startswith("No benchmark is named algorithm; there are: algorithms, ")


class Minutes(threading.Event):
    """Three minutes pass at once."""

    passed = 0

    def wait(self, timeout: float | None = None) -> bool:
        self.passed += 1
        return self.passed > 3


def test_it_says_how_long_it_takes_and_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    with bench.progress("darts", 25):
        pass
    with bench.progress("scale", None):
        pass
    bench.tick("darts", 25, Minutes())
    bench.tick("scale", None, Minutes())
    assert capsys.readouterr().err.splitlines() == [
        "darts: about 25 minutes on two cores",
        "scale: how long it takes was not taken down",
        *(f"darts: {number} min of about 25" for number in (1, 2, 3)),
        *(f"scale: {number} min" for number in (1, 2, 3)),
    ]
