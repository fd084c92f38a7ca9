"""What other searches have paid for: taken over when everything that decides it is equal, and never else."""

import json
from pathlib import Path
from typing import Any

import pytest

from searches import algorithms
from searches.engine import events, result_cache
from searches.engine.executors.executor import JobFinished
from searches.engine.history import line
from searches.engine.result_cache import Cache
from searches.engine.search import search
from searches.spec import SearchSpec
from tests.searches.engine.learner import learner
from tests.searches.engine.shuffled import ShuffledExecutor

__all__ = ["learner"]
SPEC = {
    "evaluations": 12,
    "seed": 3,
    "lag": 4,
    "objectives": ["accuracy", "params"],
    "algorithm_options": {"population": 4},
    "space_options": {"max_layers": 4, "widths": [16, 32]},
}

FEW = {  # real steps take long: few of them, and the ensemble has its own test
    "darts": {"epochs": 2},
    "portfolio": {"population": 4, "members": "nsga2,predictor,reinforce"},
}


def run(
    folder: Path,
    cache: Path | None,
    workers: int = 2,
    history: Any = (),
    size: int = result_cache.BYTES,
    **changes: Any,
) -> tuple[list[Any], ShuffledExecutor]:
    executor = ShuffledExecutor(workers, 1)
    spec = SearchSpec.from_document(SPEC | changes)
    more = {"cache": cache, "cache_bytes": size}
    return list(search(spec, history=history, executor=executor, folder=folder, **more)), executor


def finished(reports: list[Any]) -> list[events.EvaluationFinished]:
    return [report for report in reports if isinstance(report, events.EvaluationFinished)]


def trained(executor: ShuffledExecutor) -> int:
    return sum(kind != "test" for kind, _ in executor.done)


@pytest.mark.slow
@pytest.mark.parametrize("name", algorithms.names())
@pytest.mark.parametrize("workers", [1, 4])
def test_with_a_full_cache_nothing_is_trained_and_the_history_is_the_same(
    tmp_path: Path, name: str, workers: int
) -> None:
    chosen = {"algorithm": name, "algorithm_options": FEW.get(name, SPEC["algorithm_options"])}
    without, _ = run(tmp_path / "without", None, **chosen)
    empty, _ = run(tmp_path / "first", tmp_path / "cache", **chosen)
    full, executor = run(tmp_path / "second", tmp_path / "cache", workers, **chosen)
    assert without[-1].history_sha256 == empty[-1].history_sha256 == full[-1].history_sha256
    assert trained(executor) == 0
    assert not any(report.cached for report in finished(empty))
    assert all(report.cached and report.timing["cached"] for report in finished(full))
    for report in finished(full):
        assert (tmp_path / "second" / report.files["weights"]["path"]).is_file()


def test_steps_are_taken_over_too(tmp_path: Path, learner: str) -> None:
    first, _ = run(tmp_path / "first", tmp_path / "cache", algorithm=learner, algorithm_options={"fails": 3})
    second, executor = run(tmp_path / "second", tmp_path / "cache", algorithm=learner, algorithm_options={"fails": 3})
    assert first[-1].history_sha256 == second[-1].history_sha256
    assert [number for kind, number in executor.done if kind == "step"] == [3]  # a failure is never taken over


def test_a_search_that_goes_on_takes_what_it_had_begun(tmp_path: Path) -> None:
    whole, _ = run(tmp_path / "a", tmp_path / "cache")
    lines = [line(report) for report in finished(whole)]
    again, executor = run(tmp_path / "a", tmp_path / "cache", history=lines[:5])
    assert again[-1].history_sha256 == whole[-1].history_sha256
    assert trained(executor) == 0


@pytest.mark.parametrize("change", [{"seed": 4}, {"training": {"epochs": 2}}, {"training": {"learning_rate": 0.1}}])
def test_what_decides_a_result_keeps_it_apart(tmp_path: Path, change: dict[str, Any]) -> None:
    run(tmp_path / "first", tmp_path / "cache", algorithm="random_search")
    reports, _ = run(tmp_path / "second", tmp_path / "cache", algorithm="random_search", **change)
    assert not any(report.cached for report in finished(reports))


def test_a_measured_value_is_taken_over_for_the_same_target_on_the_same_host_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    timed = {"objectives": ["accuracy", "latency"]}
    run(tmp_path / "first", tmp_path / "cache", **timed)
    assert all(report.cached for report in finished(run(tmp_path / "second", tmp_path / "cache", **timed)[0]))
    elsewhere = timed | {"target": "jetson"}
    assert not any(report.cached for report in finished(run(tmp_path / "third", tmp_path / "cache", **elsewhere)[0]))
    monkeypatch.setattr("platform.node", lambda: "another")
    assert not any(report.cached for report in finished(run(tmp_path / "fourth", tmp_path / "cache", **timed)[0]))


@pytest.mark.parametrize("damage", ["record", "weights", "gone"])
def test_a_damaged_record_is_trained_and_written_anew(tmp_path: Path, damage: str) -> None:
    first, _ = run(tmp_path / "first", tmp_path / "cache")
    for path in (tmp_path / "cache").glob("*/*"):
        if damage == "gone" and path.suffix == ".weights":
            path.unlink()
        elif (damage == "record") == (path.suffix == ".json"):
            path.unlink()  # it is a link: writing into it would damage the run, too
            path.write_bytes(b"{")
    second, executor = run(tmp_path / "second", tmp_path / "cache")
    assert trained(executor) == 12
    assert second[-1].history_sha256 == first[-1].history_sha256
    assert trained(run(tmp_path / "third", tmp_path / "cache")[1]) == 0


def test_above_its_quota_the_oldest_records_go_with_their_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(result_cache, "COUNTED_EVERY", 2)
    run(tmp_path / "first", tmp_path / "cache", size=5000)
    files = list((tmp_path / "cache").glob("*/*"))
    assert 0 < sum(path.stat().st_size for path in files) <= 6000
    assert {path.stem for path in files if path.suffix == ".json"} == {path.stem for path in files}


def test_its_name_leaves_out_what_decides_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path, 1000, {"sha256": "d"}, {"kind": "here"})
    job = {"kind": "step", "number": 1, "folder": "/a", "state": {"path": "states/x-1", "sha256": "s"}, "options": {}}
    assert cache.key(job) == cache.key(job | {"number": 7, "folder": "/b", "state": {"path": "y", "sha256": "s"}})
    assert cache.key(job) != cache.key(job | {"state": {"path": "states/x-1", "sha256": "t"}})
    assert cache.key(job) != Cache(tmp_path, 1000, {"sha256": "e"}, {"kind": "here"}).key(job)


def test_a_failure_is_not_kept(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache", 1000, {"sha256": "d"}, {"kind": "here"})
    job = {"kind": "proxies", "number": 1, "fidelity": 0, "folder": str(tmp_path)}
    cache.keep(job, JobFinished("proxies", 1, 0, "failed", "out of memory"))
    assert not (tmp_path / "cache").exists()
    cache.keep(job, JobFinished("proxies", 1, 0, "done", values={"naswot": 1.5}, timing={"cost": 7}))
    found = cache.look_up(job | {"number": 9})
    assert found is not None
    assert (found.number, found.values, found.timing) == (9, {"naswot": 1.5}, {"cost": 7, "cached": True})
    assert json.loads(next((tmp_path / "cache").glob("*/*.json")).read_text())["version"] == 1
