"""One job: values, files, failures with their reason, and the test split."""

from pathlib import Path
from typing import Any

import pytest
import torch

from architectures.ir import json as graph_json
from architectures.ir.complexity import complexity
from searches.evaluation import objective_values
from searches.evaluation.evaluator import out_of_memory, perform
from searches.evaluation.files import FileDamaged, read_file, write_file
from searches.evaluation.job import Job, JobError, Result
from searches.evaluation.proxies import PROXIES
from searches.evaluation.training.gradient_checkpointing import training_bytes
from tests.searches.evaluation.worlds import chain_network, job, small_network


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def run(folder: Path, **changes: Any) -> Result:
    return perform(Job.from_document(job(small_network(), folder, **changes)), lambda moment: None)


def test_it_trains_counts_and_stores(tmp_path: Path) -> None:
    result = run(tmp_path)
    assert (result.status, result.reason) == ("done", "")
    assert set(result.values) == {"accuracy", "params", "flops", "memory_bytes"}
    assert result.values["params"] == 8 * 9 + 16 + 90
    stored = result.files["weights"]
    read_file(tmp_path / stored.path, stored.sha256)
    assert list(tmp_path.glob("weights/*")) == [tmp_path / stored.path]
    assert [row[0] for row in result.curve] == [1]


@pytest.mark.slow
def test_latency_is_measured_and_energy_modelled_only_when_asked(tmp_path: Path) -> None:
    result = run(tmp_path, objectives=["accuracy", "latency", "energy"])
    assert result.values["latency_ms"] > 0
    assert result.values["energy_mj"] > 0
    latency, energy = result.details["latency"], result.details["energy"]
    assert isinstance(latency, dict)
    assert isinstance(energy, dict)
    assert (latency["how"], energy["how"]) == ("measured", "modelled")


def test_latency_of_another_target_is_an_estimate(tmp_path: Path) -> None:
    result = run(tmp_path, objectives=["latency"], target="raspberry_pi_4")
    latency = result.details["latency"]
    assert isinstance(latency, dict)
    assert latency["how"] == "modelled"
    assert latency["target"].startswith("Raspberry Pi 4")


def test_the_test_split_is_read_by_the_test_job_alone(tmp_path: Path) -> None:
    trained = run(tmp_path, training={"epochs": 2})
    stored = trained.files["weights"]
    tested = run(tmp_path, kind="test", weights={"path": stored.path, "sha256": stored.sha256})
    assert "test_accuracy" not in trained.values
    assert list(tested.values) == ["test_accuracy"]
    assert 0 < tested.values["test_accuracy"] <= 1


def test_a_changed_weight_is_found_by_its_hash(tmp_path: Path) -> None:
    stored = run(tmp_path).files["weights"]
    path = tmp_path / stored.path
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(FileDamaged, match="evaluate it again"):
        run(tmp_path, kind="test", weights={"path": stored.path, "sha256": stored.sha256})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileDamaged, match=r"a\.safetensors is missing; evaluate the candidate again"):
        read_file(tmp_path / "a.safetensors", "0" * 64)


def test_a_file_is_whole_or_absent(tmp_path: Path) -> None:
    sha256 = write_file(tmp_path / "deep" / "a", b"1")
    write_file(tmp_path / "deep" / "a", b"1")
    assert read_file(tmp_path / "deep" / "a", sha256) == b"1"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["a"]


def test_a_costly_candidate_fails_before_it_is_trained(tmp_path: Path) -> None:
    result = run(tmp_path, deadline={"cost": 10})
    assert result.status == "failed"
    assert result.reason == f"its training costs {result.cost:,} multiply-adds; the deadline allows 10"
    assert result.values["params"] > 0
    assert "accuracy" not in result.values


def test_a_slow_candidate_is_stopped_by_the_clock(tmp_path: Path) -> None:
    assert run(tmp_path, deadline={"seconds": 1e-9}).reason.startswith("stopped by the clock after 1e-09 s")


def test_a_large_candidate_fails_by_estimate(tmp_path: Path) -> None:
    result = run(tmp_path, memory_limit_bytes=1000)
    assert result.status == "failed"
    assert "its training needs about" in result.reason


def test_what_fits_only_with_gradient_checkpointing_is_trained_with_it(tmp_path: Path) -> None:
    graph = chain_network(5)
    counted = complexity(graph)
    limit = 32 * (training_bytes(graph, counted) + 1) + 3 * counted.weight_bytes
    document = job(graph, tmp_path, training={"epochs": 1})
    plain = perform(Job.from_document(document), lambda moment: None)
    least = perform(Job.from_document({**document, "memory_limit_bytes": limit}), lambda moment: None)
    assert "checkpointed" not in plain.details
    assert least.details["checkpointed"] is True
    assert least.files["weights"].sha256 == plain.files["weights"].sha256


@pytest.mark.parametrize(
    "failure",
    [
        MemoryError(),
        RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB"),
    ],
    ids=["python", "CPU", "GPU"],
)
def test_what_finds_no_memory_has_failed_and_nothing_else_has(failure: BaseException) -> None:
    assert out_of_memory(failure) == "out of memory while training; a smaller batch or network fits"
    with pytest.raises(RuntimeError, match="device-side assert"):
        out_of_memory(RuntimeError("CUDA error: device-side assert triggered"))


def test_on_a_gpu_the_allocators_peak_stands_beside_the_counted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def run_of(module: torch.nn.Module, shape: tuple[int, ...], device: str) -> Any:
        asked.append(device)
        return lambda: None

    monkeypatch.setattr(objective_values, "runner", run_of)
    monkeypatch.setattr(objective_values, "allocator_peak", lambda run: {"bytes": 7, "by": "allocator"})
    result = run(tmp_path, objectives=["memory"], target="cuda")
    assert (result.details["memory"], asked) == ({"bytes": 7, "by": "allocator"}, ["cuda"])
    assert result.values["memory_bytes"] == complexity(small_network()).activation_peak_bytes
    assert "memory" not in run(tmp_path, objectives=["memory"]).details


def test_proxies_score_without_training(tmp_path: Path) -> None:
    result = run(tmp_path, kind="proxies", fidelity=0)
    assert (result.kind, result.status, result.fidelity, result.files) == ("proxies", "done", 0, {})
    assert set(result.values) == {*PROXIES, "params", "flops", "memory_bytes"}
    assert result.cost == 3 * complexity(small_network()).macs * 64 * 4
    assert run(tmp_path, kind="proxies", fidelity=0).values == result.values
    chosen = run(tmp_path, kind="proxies", fidelity=0, proxies=["naswot"])
    assert chosen.values["naswot"] == result.values["naswot"]
    assert "synflow" not in chosen.values


def test_an_unknown_proxy_is_the_askers_fault(tmp_path: Path) -> None:
    with pytest.raises(JobError, match="no proxy is named 'taste'; there are: naswot, synflow, grad_norm, zen"):
        run(tmp_path, kind="proxies", proxies=["taste"])


def test_a_child_trains_on_from_its_parents_weights(tmp_path: Path) -> None:
    parent = run(tmp_path, training={"epochs": 4})
    stored = parent.files["weights"]
    family = {
        "graph": graph_json.to_document(small_network()),
        "weights": {"path": stored.path, "sha256": stored.sha256},
    }
    child = {"fidelity": 2, "training": {"epochs": 1, "inherit": True}, "seed": 8}
    alone, grown = run(tmp_path, **child), run(tmp_path, **child, parent=family)
    assert grown.details["inherited"] == 1.0
    assert "inherited" not in alone.details
    assert grown.curve[0][1] < alone.curve[0][1]
    unasked = run(tmp_path, **{**child, "training": {"epochs": 1}}, parent=family)
    assert unasked.files["weights"].sha256 == alone.files["weights"].sha256


def test_a_parent_that_is_gone_is_said(tmp_path: Path) -> None:
    family = {"graph": graph_json.to_document(small_network()), "weights": {"path": "gone", "sha256": "0" * 64}}
    result = run(tmp_path, training={"epochs": 1, "inherit": True}, parent=family)
    assert (result.status, result.values.get("accuracy")) == ("failed", None)
    assert result.reason.startswith("its parent's weights cannot be read: gone is missing")


def test_a_share_of_the_images_costs_its_share(tmp_path: Path) -> None:
    whole, half = run(tmp_path), run(tmp_path, training={"epochs": 1, "share": 0.5})
    assert half.cost == pytest.approx(whole.cost / 2, rel=0.01)
    assert half.files["weights"].sha256 != whole.files["weights"].sha256


def test_it_says_how_soon_the_training_converged(tmp_path: Path) -> None:
    details = run(tmp_path, training={"epochs": 3}).details
    assert isinstance(details["convergence_epochs"], float)
    assert 0 < details["convergence_epochs"] <= 3
    assert isinstance(details["synflow"], float)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"kind": "guess"}, "kind must be one of evaluate, test, proxies, supernet, but is 'guess'"),
        ({"surprise": 1}, "a job has no field 'surprise'"),
        ({"number": "x"}, "the job cannot be read"),
    ],
)
def test_a_broken_job_is_the_askers_fault(changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises((JobError, ValueError), match=message):
        run(tmp_path, **changes)


def test_a_network_of_another_shape_is_the_askers_fault(tmp_path: Path) -> None:
    document = job(small_network((3, 8, 8)), tmp_path)
    with pytest.raises(JobError, match=r"takes \(3, 8, 8\) to 10 classes, but digits has \(1, 8, 8\) and 10"):
        perform(Job.from_document(document), lambda moment: None)
