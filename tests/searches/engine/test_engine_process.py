"""The engine as a child process, with real evaluators; and the command that starts it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from nasportal.lib.child_process import LOG_BYTES, environment
from searches.engine import __main__ as engine
from searches.engine import engine_process, events
from searches.engine.executors.executor import EvaluatorBroken
from searches.engine.history import canonical, line
from searches.management.commands.search import progress
from searches.spec import SearchSpec

SPEC = {
    "evaluations": 4,
    "seed": 2,
    "lag": 2,
    "objectives": ["accuracy", "params"],
    "training": {"epochs": 1},
    "algorithm_options": {"population": 2},
    "space_options": {"max_layers": 3, "widths": [16]},
}
ROOT = Path(__file__).parents[3]


def alive(session: int) -> list[int]:
    """Processes of a session that have not ended."""
    found = []
    for path in Path("/proc").iterdir():
        if path.name.isdigit():
            try:
                fields = (path / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(path.name))
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    process = engine_process.start(SPEC, [], tmp_path_factory.mktemp("run"), 2)
    reports = list(process.events())
    assert process.wait() == 0
    return reports


def texts(reports: list[Any]) -> list[str]:
    return [canonical(line(each)) for each in reports if isinstance(each, events.EvaluationFinished)]


@pytest.mark.slow
def test_a_child_searches_and_reports(whole: list[Any]) -> None:
    assert isinstance(whole[0], events.SearchStarted)
    assert isinstance(whole[-1], events.SearchFinished)
    assert len(texts(whole)) == 4


@pytest.mark.slow
def test_stopped_and_killed_it_goes_on_to_the_same_history_and_leaves_no_process(
    tmp_path: Path, whole: list[Any]
) -> None:
    accepted: list[dict[str, Any]] = []
    for way in ("stop", "kill"):
        process = engine_process.start(SPEC, accepted, tmp_path, 2)
        for report in process.events():
            if isinstance(report, events.EvaluationFinished):
                accepted.append(line(report))
                break
        if way == "kill":
            os.kill(process.pid, signal.SIGKILL)
        assert process.stop() == (143 if way == "stop" else -signal.SIGKILL)
        assert alive(process.pid) == []
    process = engine_process.start(SPEC, accepted, tmp_path, 1)
    reports = list(process.events())
    assert [canonical(entry) for entry in accepted] + texts(reports) == texts(whole)
    assert reports[-1].history_sha256 == whole[-1].history_sha256


def test_a_broken_spec_is_told_as_an_event(tmp_path: Path) -> None:
    process = engine_process.start({"evaluations": -1}, [], tmp_path, 1)
    (report,) = process.events()
    assert isinstance(report, events.SearchFailed)
    assert report.reason == "the spec cannot be searched: evaluations: must be at least 1, but is -1"
    assert process.wait() == 1


def test_the_log_is_capped(tmp_path: Path) -> None:
    process = engine_process.start({"evaluations": -1}, [], tmp_path, 1)
    for _ in range(3):
        process.keep(b"x" * (LOG_BYTES // 2 + 1))
    list(process.events())
    assert (tmp_path / engine_process.LOG).stat().st_size == LOG_BYTES


def test_the_engine_never_imports_torch_or_django() -> None:
    program = "import sys, searches.engine.__main__; print([n for n in ('torch', 'django') if n in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT, env=environment()
    )
    assert found.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--out DIR says where the results go"),
        (["--out", "{}", "--evaluations", "0"], "--evaluations: must be at least 1, but is 0"),
        (["--out", "{}", "--max-params", "-5"], "--max-params: must be above 0, but is -5"),
        (["--out", "{}", "--dataset", "digitz"], "--dataset: is not known: no dataset is named 'digitz'"),
        (["--out", "{}", "--objectives", "acuracy"], "did you mean 'accuracy'?"),
        (["--out", "{}", "--workers", "0"], "--workers must be at least 1, but is 0"),
        (["--out", "{}", "--space-option", "max_layers=99"], "must be at most 20"),
        (["--resume", "{}/none"], "holds no search"),
        (["--resume", "{}", "--seed", "3"], "--resume takes the spec that the folder holds"),
        (["--out", "{}", "--spec", "{}/none.json"], "No such file"),
    ],
)
def test_bad_input_ends_with_exit_code_2_and_the_option_named(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    with pytest.raises(CommandError) as caught:
        call_command("search", *[argument.format(tmp_path) for argument in arguments])
    assert caught.value.returncode == 2
    assert message in str(caught.value)


@pytest.mark.slow
def test_the_command_leaves_history_front_and_plot(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.json").write_text(json.dumps(SPEC))
    out = tmp_path / "out"
    call_command("search", "--spec", str(tmp_path / "spec.json"), "--out", str(out), "--no-repository", "--json")
    front = json.loads(capsys.readouterr().out)
    assert front == json.loads((out / "front.json").read_text())
    assert front["chosen"] in [entry["number"] for entry in front["front"]]
    assert all(0 <= entry["test_accuracy"] <= 1 for entry in front["front"])
    assert len((out / "history.jsonl").read_text().splitlines()) == 5
    assert "<script src=" not in (out / "front.html").read_text()


@pytest.mark.slow
def test_a_search_in_which_nothing_is_feasible_ends_with_exit_code_3(tmp_path: Path) -> None:
    # Each limit can be kept, but not both at once: that shows only when networks are drawn.
    limits = ["--min-params", "60000", "--max-flops", "60000"]
    with pytest.raises(CommandError, match="no candidate meets the constraints") as caught:
        call_command("search", "--out", str(tmp_path / "out"), *limits, "--evaluations", "2")
    assert caught.value.returncode == 3


def test_a_limit_that_no_network_keeps_ends_with_exit_code_2(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="--max-params: must be at least") as caught:
        call_command("search", "--out", str(tmp_path / "out"), "--max-params", "1")
    assert caught.value.returncode == 2


def test_under_a_time_limit_the_bar_tells_the_time_so_far_and_the_limit() -> None:
    """How long 100,000 networks would take says nothing then: it read `3/100000 [01:00<555:32:40]`."""
    with progress(SearchSpec(evaluations=100_000, seconds=450.0), 3, 60.0) as bar:
        bar.set_description("search")
        bar.set_postfix(best="0.61")
        assert str(bar) == "search: 3 networks [01:00, limit 07:30, best=0.61]"
    with progress(SearchSpec(evaluations=24), 3, 60.0) as bar:
        assert "3/24 [00:00<" in str(bar)


def test_a_ray_cluster_without_ray_is_refused_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "auto")
    monkeypatch.setattr(engine, "find_spec", lambda name: None)
    with pytest.raises(EvaluatorBroken, match=r"RAY_ADDRESS names a Ray cluster, which needs an extra: `.*\[ray\]"):
        engine.executor_for(SearchSpec(), 1)
